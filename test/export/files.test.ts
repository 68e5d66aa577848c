import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { EcsFlat } from "@elastic/ecs";
import { afterAll, describe, expect, it } from "vitest";
import { ecsDocument, ecsLine } from "../../src/export/ecs.ts";
import { ParquetRecords } from "../../src/export/parquet.ts";
import { record } from "./records.ts";

const folder = mkdtempSync(join(tmpdir(), "tapscope-export-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function query(sql: string): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  const rows = (await connection.runAndReadAll(sql)).getRowObjects();
  connection.closeSync();
  return rows;
}

const records = Array.from({ length: 120_000 }, (_, i) =>
  record({
    "id.orig_p": i % 60_000,
    orig_ip_bytes: i,
    uid: `C${i}`,
    ...(i % 3 === 0 ? { service: undefined, server_name: "näme" } : {}),
    ...(i % 5 === 0 ? { vlan: 100, vlans: [100, 200, 300], tunnel_parents: ["Cx", "Cy"] } : {}),
  } as never),
);
const sum = records.reduce((total, { orig_ip_bytes }) => total + orig_ip_bytes, 0);

describe("flows for other engines", () => {
  it("writes Parquet that DuckDB reads with the types and totals of the records", async () => {
    const path = join(folder, "flows.parquet");
    const parts: Uint8Array[] = [];
    const writer = new ParquetRecords((bytes) => parts.push(bytes));
    for (const one of records) writer.add(one);
    writer.finish();
    writeFileSync(path, Buffer.concat(parts));
    const [totals] = await query(
      `select count(*)::int n, sum(orig_ip_bytes)::double bytes, count(service)::int services, min(epoch_ms(ts))::double as begins,
       count(distinct uid)::int uids, max(first_ns)::varchar ns, any_value(tunnel_parents) filter (len(tunnel_parents) = 2)::varchar parents
       from '${path}'`,
    );
    expect(totals).toEqual({
      n: 120_000,
      bytes: sum,
      services: 80_000,
      begins: 1_700_000_000_500,
      uids: 120_000,
      ns: "1700000000500000000",
      parents: "[Cx, Cy]",
    });
    const types = await query(
      `describe select ts, duration, local_orig, "id.orig_p", vlans, server_name from '${path}'`,
    );
    expect(types.map(({ column_type }) => column_type)).toEqual([
      "TIMESTAMP",
      "DOUBLE",
      "BOOLEAN",
      "BIGINT",
      "INTEGER[]",
      "VARCHAR",
    ]);
    const groups = await query(`select count(distinct row_group_id)::int n from parquet_metadata('${path}')`);
    expect(groups).toEqual([{ n: 3 }]);
  });

  it("writes ECS documents whose field names the published schema knows", () => {
    const known = new Set(Object.keys(EcsFlat));
    const names = (value: object, prefix = ""): string[] =>
      Object.entries(value).flatMap(([name, inner]) =>
        inner !== undefined && typeof inner === "object" && !Array.isArray(inner)
          ? names(inner, `${prefix}${name}.`)
          : inner === undefined
            ? []
            : [`${prefix}${name}`],
      );
    const all = [
      record(),
      record({ proto: "icmp", ip_proto: 58 }),
      record({ vlan: 5, inner_vlan: 6, server_name: "x" } as never),
    ]
      .flatMap((one) => names(ecsDocument(one)))
      .filter((name) => !name.startsWith("zeek."));
    expect(all.filter((name) => !known.has(name))).toEqual([]);
  });

  it("gives ECS the totals of the records, as DuckDB counts them", async () => {
    const path = join(folder, "flows.ndjson");
    writeFileSync(path, records.slice(0, 5000).map(ecsLine).join(""));
    const [totals] = await query(
      `select count(*)::int n, sum(source.bytes)::double bytes, min("@timestamp")::varchar as begins from read_json('${path}', format='newline_delimited')`,
    );
    expect(totals).toMatchObject({ n: 5000, bytes: (4999 * 5000) / 2 });
    expect(String(totals!.begins)).toContain("22:13:20.5");
  });
});

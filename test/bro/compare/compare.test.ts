/** What is explained and what is not, on a recorded capture and logs made from it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readPacketsOf } from "../../../src/bro/compare/capture-side.ts";
import { type Comparison, compareLogs } from "../../../src/bro/compare/compare.ts";
import { findLogs, groupLogs } from "../../../src/bro/log/set.ts";
import { readConnections } from "../../../src/capture/read-connections.ts";
import type { ConnectionRecord } from "../../../src/engine/host/connection-record.ts";

const captures = ["ping.pcap", "dns.pcap", "http.pcap"].map((name) =>
  join(import.meta.dirname, "../../../fixtures/pcaps", name),
);
const folder = mkdtempSync(join(tmpdir(), "tapscope-compare-"));
afterAll(() => rmSync(folder, { recursive: true }));

const FIELDS = [
  ...["ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "service", "duration", "orig_bytes"],
  ...[
    "resp_bytes",
    "conn_state",
    "missed_bytes",
    "history",
    "orig_pkts",
    "orig_ip_bytes",
    "resp_pkts",
    "resp_ip_bytes",
  ],
  "ip_proto",
] as const;
type Field = (typeof FIELDS)[number];
type Row = Partial<Record<Field, string | number>>;

const records: Row[] = [];
beforeAll(async () => {
  for (const capture of captures) {
    for await (const batch of readConnections(capture)) {
      records.push(...(batch as readonly (ConnectionRecord & Row)[]).map((record) => ({ ...record })));
    }
  }
  expect(records.length).toBeGreaterThan(3);
});

/** The rows that a Bro would have written, changed; its clock `ahead` seconds ahead. */
async function compare(
  change: (rows: Row[]) => Row[],
  {
    ahead = 0,
    closed = true,
    fields = FIELDS as readonly Field[],
    other = {} as Record<string, string>,
    tail = "",
    open = "x",
    from = captures as readonly string[],
  } = {},
): Promise<Comparison> {
  const rows = change(records.map((row) => ({ ...row, ts: (Number(row.ts) + ahead).toFixed(6) })));
  const types: Partial<Record<Field, string>> = { ts: "time", duration: "interval" };
  const log = [
    "#separator \\x09",
    "#path\tconn",
    `#open\t${open}`,
    `#fields\t${fields.join("\t")}`,
    `#types\t${fields.map((name) => types[name] ?? "string").join("\t")}`,
    ...rows.map((row) => fields.map((name) => row[name] ?? "-").join("\t")),
    ...(closed ? ["#close\t2026-11-23-10-00-00"] : []),
  ].join("\n");
  const dir = mkdtempSync(join(folder, "logs-"));
  writeFileSync(join(dir, "conn.log"), `${log}\n${tail}`);
  for (const [name, content] of Object.entries(other)) writeFileSync(join(dir, name), content);
  const fail = (sentence: string) => expect.unreachable(sentence);
  return compareLogs(from, await groupLogs(await findLogs([dir], fail), fail));
}

const web = (row: Row) => row["id.resp_p"] === 80;

describe("bro compare", () => {
  it("agrees with the capture's own records", async () => {
    const { verdict, connections, packets, loss } = await compare((rows) => rows);
    expect([verdict, connections, loss]).toEqual(["agree", { equal: records.length }, null]);
    expect(packets.capture).toBe(packets.log);
  });

  it("finds out how far the clocks are apart", async () => {
    for (const ahead of [3600.25, -86_400]) {
      const { verdict, clock } = await compare((rows) => rows, { ahead });
      expect(verdict).toBe("agree");
      expect(Math.abs(clock.offsetUs - ahead * 1e6)).toBeLessThanOrEqual(1);
      expect(clock.pairs).toBeGreaterThan(2);
    }
  });

  it("sums up connections that the log has in parts", async () => {
    const { verdict, connections } = await compare((rows) =>
      rows.flatMap((row) => {
        if (!web(row)) return [row];
        const part = {
          ...row,
          orig_pkts: 1,
          orig_ip_bytes: 60,
          orig_bytes: 0,
          resp_pkts: 0,
          resp_ip_bytes: 0,
          resp_bytes: 0,
        };
        const rest = { ...row, orig_pkts: Number(row.orig_pkts) - 1, orig_ip_bytes: Number(row.orig_ip_bytes) - 60 };
        return [part, rest];
      }),
    );
    expect(verdict).toBe("agree");
    expect(connections.split_equal).toBeGreaterThan(0);
  });

  it("takes swapped roles for the same connection", async () => {
    const { verdict, fields } = await compare((rows) =>
      rows.map((row) =>
        web(row)
          ? {
              ...row,
              "id.orig_h": row["id.resp_h"]!,
              "id.orig_p": row["id.resp_p"]!,
              "id.resp_h": row["id.orig_h"]!,
              "id.resp_p": row["id.orig_p"]!,
              orig_pkts: row.resp_pkts!,
              resp_pkts: row.orig_pkts!,
              orig_bytes: row.resp_bytes!,
              resp_bytes: row.orig_bytes!,
              orig_ip_bytes: row.resp_ip_bytes!,
              resp_ip_bytes: row.orig_ip_bytes!,
            }
          : row,
      ),
    );
    expect(verdict).toBe("agree");
    expect(fields.roles).toBe(records.filter(web).length);
  });

  it("does not explain packets that the log lacks, and says when", async () => {
    const { verdict, differences, loss } = await compare((rows) =>
      rows.map((row) =>
        web(row) ? { ...row, resp_pkts: Number(row.resp_pkts) - 2, missed_bytes: 1000, history: "ShADgF" } : row,
      ),
    );
    expect(verdict).toBe("differ");
    expect(differences[0]).toMatchObject({ class: "different", explained: false, missingPackets: 2 });
    expect(loss).toMatchObject({ connections: records.filter(web).length });
    const first = Math.min(...records.filter(web).map((row) => Number(row.ts)));
    expect(Math.abs(loss!.firstUs - first * 1e6)).toBeLessThan(2);
  });

  it("explains them by drops that another log records", async () => {
    const lossLog =
      "#separator \\x09\n#path\tcapture_loss\n#fields\tts\tpercent_lost\n#types\ttime\tdouble\n1.0\t2.5\n#close\tx\n";
    const { verdict, connections } = await compare(
      (rows) => rows.map((row) => (web(row) ? { ...row, resp_pkts: Number(row.resp_pkts) - 2 } : row)),
      { other: { "capture_loss.log": lossLog } },
    );
    expect([verdict, connections.drops]).toEqual(["explained", records.filter(web).length]);
  });

  it("a C in the history explains nothing where the capture's checksums are good", async () => {
    const { verdict } = await compare((rows) =>
      rows.map((row) => (web(row) ? { ...row, resp_pkts: Number(row.resp_pkts) - 2, history: "ShADCcF" } : row)),
    );
    expect(verdict).toBe("differ");
  });

  it("explains what was open when Bro was killed, and not what it had closed", async () => {
    const last = Math.max(...records.map((row) => Number(row.ts) + Number(row.duration ?? 0)));
    const open = (row: Row) => Number(row.ts) + Number(row.duration ?? 0) >= last - 1e-6;
    const killed = await compare((rows) => rows.filter((_, i) => !open(records[i]!)), { closed: false });
    expect(killed.verdict).toBe("explained");
    expect(killed.connections.capture_only).toBeGreaterThan(0);
    const early = await compare((rows) => rows.filter((row) => !web(row)));
    expect(early.verdict).toBe("differ");
    expect(early.differences[0]!.class).toBe("capture_only");
  });

  it("explains what began after the log was closed, whatever its zone; not what Bro should have seen", async () => {
    const late = Math.min(...records.filter(web).map((row) => Number(row.ts)));
    const before = records.filter((row) => Number(row.ts) + Number(row.duration ?? 0) < late - 2);
    expect(before.length).toBeGreaterThan(0);
    const stamp = (seconds: number) => new Date(seconds * 1000).toISOString().slice(0, 19).replace(/[T:]/g, "-");
    const zone = -5 * 3600;
    const opened = Number(before[0]!.ts) + Number(before[0]!.duration ?? 0) + 5;
    const closedAt = async (seconds: number) => {
      const tail = `#close\t${stamp(seconds + zone)}\n`;
      const uids = new Set(before.map(({ uid }) => uid));
      const kept = (rows: Row[]) => rows.filter(({ uid }) => uids.has(uid));
      return (await compare(kept, { closed: false, open: stamp(opened + zone), tail })).verdict;
    };
    expect(await closedAt(late - 1)).toBe("explained");
    expect(await closedAt(late + 86_400)).toBe("differ");
  });

  it("explains no more than the rows that cannot be read", async () => {
    const one = records.findIndex(web);
    const whole = await compare((rows) => rows.filter((_, i) => i !== one), { tail: "a\tbroken\trow\n#close\tx\n" });
    expect(whole.differences.map(({ class: name, explained }) => [name, explained])).toEqual([["capture_only", true]]);
  });

  it("explains rows outside the time of the capture, and no others", async () => {
    const extra: Row = { ...records[0]!, "id.orig_h": "192.0.2.9" };
    const early = await compare((rows) => [...rows, { ...extra, ts: "1000.000000" }]);
    expect([early.verdict, early.connections.log_only]).toEqual(["explained", 1]);
    const within = await compare((rows) => [...rows, { ...extra, ts: rows[0]!.ts! }]);
    expect(within.verdict).toBe("differ");
  });

  it("compares only the columns that the log has", async () => {
    const fields = FIELDS.filter((name) => !/_ip_bytes|history|conn_state/.test(name));
    const { verdict, log } = await compare((rows) => rows, { fields });
    expect(verdict).toBe("agree");
    expect(log.lacks).toEqual(["orig_ip_bytes", "resp_ip_bytes", "conn_state"]);
  });

  it("takes a connection that goes on in the next file of a ring for one", async () => {
    const whole = readFileSync(captures[2]!);
    const starts = [24];
    while (starts.at(-1)! < whole.length) starts.push(starts.at(-1)! + 16 + whole.readUInt32LE(starts.at(-1)! + 8));
    const middle = starts[starts.length >> 1]!;
    const [first, second] = [join(folder, "a.pcap"), join(folder, "b.pcap")];
    writeFileSync(first, whole.subarray(0, middle));
    writeFileSync(second, Buffer.concat([whole.subarray(0, 24), whole.subarray(middle)]));
    const ring = [...captures.slice(0, 2), first, second];
    const { verdict, connections } = await compare((rows) => rows, { from: ring });
    expect([verdict, connections]).toEqual(["agree", { equal: records.length }]);
  });

  it("gives the packets of the connections that differ", async () => {
    const { differences } = await compare((rows) => rows.filter((row) => !web(row)));
    const uids = new Set(differences.flatMap(({ capture }) => capture.map(({ uid }) => uid)));
    let packets = 0;
    await readPacketsOf(captures, uids, () => packets++);
    const counted = records.filter(web).reduce((sum, row) => sum + Number(row.orig_pkts) + Number(row.resp_pkts), 0);
    expect(packets).toBe(counted);
  });
});

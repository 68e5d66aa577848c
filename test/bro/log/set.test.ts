/** Folders of logs as zeekctl and Zeek make them: read as one stream a kind; overview and one connection through all of them. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { cutLogs } from "../../../src/bro/log/cut/cut.ts";
import { followConnection } from "../../../src/bro/log/follow.ts";
import { type LogOverview, overviewOf } from "../../../src/bro/log/overview/overview.ts";
import { findLogs, groupLogs } from "../../../src/bro/log/set.ts";
import { communityId } from "../../../src/index.ts";
import { PLAIN } from "./support.ts";

const root = mkdtempSync(join(tmpdir(), "tapscope-set-"));
afterAll(() => rmSync(root, { recursive: true }));
const fail = (sentence: string) => expect.unreachable(sentence);

const head = (path: string, open: string, fields: string, types: string) =>
  `#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\t${path}\n#open\t${open}\n#fields\t${fields}\n#types\t${types}\n`;
const CONN = "ts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\torig_ip_bytes\tresp_ip_bytes";
const CONN_TYPES = "time\tstring\taddr\tport\taddr\tport\tenum\tstring\tcount\tcount";
const conn = (open: string, ...rows: string[]) =>
  `${head("conn", open, CONN, CONN_TYPES)}${rows.map((row) => `${row}\n`).join("")}#close\t${open}\n`;
const row = (second: number, uid: string, bytes: number) =>
  `${1763800000 + second}.000001\t${uid}\t10.0.0.${second % 3}\t1234\t10.0.1.1\t443\ttcp\tssl\t${bytes}\t1`;

mkdirSync(join(root, "logs/2025-11-22"), { recursive: true });
mkdirSync(join(root, "logs/2025-11-23"), { recursive: true });
mkdirSync(join(root, "spool/zeek"), { recursive: true });
symlinkSync("../spool/zeek", join(root, "logs/current"));
symlinkSync("..", join(root, "logs/2025-11-23/loop"));
const put = (path: string, content: string | Buffer) => writeFileSync(join(root, path), content);
// The names sort otherwise than the times.
put(
  "logs/2025-11-22/conn.10:00:00-11:00:00.log.gz",
  gzipSync(conn("2025-11-22-10-00-00", row(0, "CA", 100), row(1, "CB", 10))),
);
put("logs/2025-11-23/conn.09:00:00-10:00:00.log.gz", gzipSync(conn("2025-11-23-09-00-00", row(86400, "CC", 1))));
put("spool/zeek/conn.log", conn("2025-11-23-10-00-00", row(90000, "CD", 1)).replace(/#close.*\n/, ""));
put("spool/zeek/stdout.log", "max memory size (kbytes, -m) unlimited\n");
put("spool/zeek/.shadow.conn.log", "x\n");
put(
  "logs/2025-11-22/ssl.10:00:00-11:00:00.log",
  `${head("ssl", "2025-11-22-10-00-00", "ts\tuid\tserver_name\tcert_chain_fuids", "time\tstring\tstring\tvector[string]")}1763800000.500000\tCA\ta.example\tF1,F2\n1763800009.5\tCB\tb.example\t-\n`,
);
put(
  "logs/2025-11-22/x509.log",
  `${head("x509", "2025-11-22-10-00-00", "ts\tid\tcertificate.subject", "time\tstring\tstring")}1763800000.700000\tF1\tCN=a\n1763800000.8\tF9\tCN=other\n`,
);
put(
  "logs/2025-11-22/http.log",
  '{"ts":1763800000.25,"uid":"CA","host":"a.example","id.orig_h":"10.0.0.0"}\n{"ts":1763800001.25,"uid":"CAB","host":"no"}\n',
);
put(
  "logs/2025-11-22/notice.log",
  '{"_path":"notice","ts":"2025-11-22T08:26:41.000000Z","note":"Weird::Activity","conn":"CA"}\n',
);

describe("a folder of logs", () => {
  it("is one stream a kind, in the order of time, through links and without loops", async () => {
    const kinds = await groupLogs(await findLogs([join(root, "logs")], fail), fail);
    expect(kinds.map(({ kind, logs }) => [kind, logs.length])).toEqual([
      ["conn", 3],
      ["http", 1],
      ["notice", 1],
      ["ssl", 1],
      ["x509", 1],
    ]);
    let output = "";
    await cutLogs(
      kinds[0]!.logs.map(({ input }) => input),
      {
        options: { ...PLAIN, columns: ["uid"], header: "first" },
        known: null,
        write: (bytes) => {
          output += Buffer.from(bytes).toString();
          return true;
        },
        done: ({ damage }) => expect(damage.filter((sentence) => !sentence.startsWith("no #close"))).toEqual([]),
      },
    );
    expect(output.split("\n").filter((line) => !line.startsWith("#"))).toEqual(["CA", "CB", "CC", "CD", ""]);
    expect(output.match(/#fields/g)).toHaveLength(1);
  });

  it("is summed up by kind", async () => {
    const inputs = await findLogs([join(root, "logs")], fail);
    const logs: LogOverview[] = [];
    const overview = await overviewOf(inputs, {
      top: 2,
      parts: 10,
      threads: 1,
      onLog: (log) => logs.push(log),
      onError: fail as never,
    });
    expect(logs).toHaveLength(7);
    expect(overview.kinds[0]).toMatchObject({
      kind: "conn",
      files: 3,
      rows: 4,
      firstUs: 1763800000000001,
      lastUs: 1763890000000001,
      damaged: 1,
    });
    const hosts = overview.values.find(({ field }) => field === "hosts")!;
    expect(hosts.distinct).toBe(3);
    expect(hosts.top[0]).toEqual({ key: "10.0.1.1", rows: 4, sent: 4, received: 112 });
    expect(hosts.top[1]).toMatchObject({ key: "10.0.0.0", rows: 3, sent: 102 });
    expect(overview.values.find(({ field }) => field === "ports")!.top).toEqual([
      { key: "443/tcp", rows: 4, sent: 112, received: 4 },
    ]);
    expect(overview.values.find(({ field }) => field === "note")!.top[0]!.key).toBe("Weird::Activity");
    expect(overview.bytesOverTime!.bytes.reduce((sum, bytes) => sum + bytes, 0)).toBe(116);
  });

  it("gives one connection in the order of time, with its certificates and without those of others", async () => {
    const logs = (await groupLogs(await findLogs([join(root, "logs")], fail), fail)).flatMap((kind) => kind.logs);
    const rows = await followConnection(logs, "CA");
    expect(rows.map(({ log }) => log)).toEqual(["conn", "http", "ssl", "x509", "notice"]);
    expect(JSON.parse(rows[2]!.json)).toEqual({
      log: "ssl",
      ts: 1763800000.5,
      uid: "CA",
      server_name: "a.example",
      cert_chain_fuids: ["F1", "F2"],
    });
    expect(rows[0]!.json).toContain('"ts":1763800000.000001,');
    const id = communityId({ protocol: 6, source: "10.0.0.1", target: "10.0.1.1", sourcePort: 1234, targetPort: 443 });
    expect((await followConnection(logs, id)).map(({ log, fields }) => [log, fields[1]![1]])).toEqual([
      ["conn", "CB"],
      ["ssl", "CB"],
    ]);
    expect(await followConnection(logs, "CNONE")).toEqual([]);
  });
});

/** `zeek-cut`'s behaviours (tools/zeek-cut/zeek-cut.c), option for option, and where it is wrong; beside bro-cut where that is installed. */
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CutOptions } from "../../../../src/bro/log/cut/options.ts";
import { cut, memoryInput } from "../support.ts";

const header = (fields: string, types: string, open = "2026-11-23-10-00-00") =>
  `#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#open\t${open}\n#fields\t${fields}\n#types\t${types}\n`;

const LOG = `${header("ts\tid.orig_h\tduration\ttags", "time\taddr\tinterval\tset[string]")}1700000000.000001\t10.0.0.1\t0.5\t(empty)
1700000001.999999\t10.0.0.2\t-\ta,b
-\t10.0.0.3\t-\t-
#close\t2026-11-23-11-00-00
${header("id.orig_h\tts", "addr\ttime", "2026-11-23-11-00-00")}10.9.9.9\t1700000000.5
# a comment
#close\t2026-11-23-12-00-00
`;

const UTC = { format: "%Y-%m-%dT%H:%M:%S%z", utc: true };
const LOCAL = { format: "%Y-%m-%dT%H:%M:%S%z", utc: false };

/** What is asked, as zeek-cut's arguments and as options. */
const TABLE: readonly (readonly [string[], Partial<CutOptions>])[] = [
  [["ts", "id.orig_h"], { columns: ["ts", "id.orig_h"] }],
  [["id.orig_h", "ts"], { columns: ["id.orig_h", "ts"] }],
  [["ts", "ts"], { columns: ["ts", "ts"] }],
  [["duration"], { columns: ["duration"] }],
  [["-n", "ts"], { columns: ["ts"], except: true }],
  [["-c", "ts", "nope", "id.orig_h"], { columns: ["ts", "nope", "id.orig_h"], header: "first" }],
  [["-C", "duration", "id.orig_h"], { columns: ["duration", "id.orig_h"], header: "all" }],
  [["-C"], { header: "all" }],
  [[], {}],
  [["-c", "-n", "ts"], { columns: ["ts"], except: true, header: "first" }],
  [["-F", ",", "-c", "ts", "tags"], { columns: ["ts", "tags"], header: "first", separator: "," }],
  [["-u", "ts", "duration"], { columns: ["ts", "duration"], time: UTC }],
  [["-c", "-u", "ts"], { columns: ["ts"], time: UTC, header: "first" }],
  [["-d", "ts"], { columns: ["ts"], time: LOCAL }],
  [
    ["-U", "%Y %j %H:%M %p %a %b %e %%", "ts"],
    { columns: ["ts"], time: { format: "%Y %j %H:%M %p %a %b %e %%", utc: true } },
  ],
];

const hasBroCut = spawnSync("bro-cut", ["-h"]).error === undefined;
const zone = process.env.TZ;
beforeAll(() => {
  process.env.TZ = "America/New_York";
});
afterAll(() => {
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

describe("bro cut", () => {
  for (const [args, options] of TABLE) {
    it.skipIf(!hasBroCut)(`gives what bro-cut gives for: ${args.join(" ") || "no arguments"}`, async () => {
      const peer = spawnSync("bro-cut", args, { input: LOG, env: { ...process.env, TZ: "America/New_York" } });
      expect((await cut(memoryInput(LOG), options)).output.toString()).toBe(peer.stdout.toString());
    });
  }

  const cases: readonly (readonly [string, string, Partial<CutOptions>, string])[] = [
    [
      "-m: names alone, of the first block",
      LOG,
      { columns: ["ts"], header: "first", minimal: true },
      "ts\n1700000000.000001\n1700000001.999999\n-\n1700000000.5\n",
    ],
    [
      "-M: names alone, of every block",
      LOG,
      { columns: ["id.orig_h"], header: "all", minimal: true },
      "id.orig_h\n10.0.0.1\n10.0.0.2\n10.0.0.3\nid.orig_h\n10.9.9.9\n",
    ],
    [
      "a last line without a newline keeps its last byte",
      `${header("a\tb", "count\taddr")}1\t10.0.0.2`,
      { columns: ["b"] },
      "10.0.0.2\n",
    ],
    [
      "a cut last line is left out",
      `${header("a\tb\tc", "count\taddr\tcount")}1\t2\t3\n4\t5`,
      { columns: ["c"] },
      "3\n",
    ],
    [
      "a separator of several bytes",
      "#separator ||\n#set_separator||,\n#fields||a||b\n#types||count||count\n1||2\n3||4|\n",
      { columns: ["b", "a"] },
      "2||1\n4|||3\n",
    ],
    [
      "another separator",
      "#separator |\n#set_separator|,\n#fields|a|b\n#types|count|count\n1|2\n",
      { columns: ["b"], header: "first" },
      "#separator |\n#set_separator|,\n#fields|b\n#types|count\n2\n",
    ],
    ["CR LF", "#separator \\x09\r\n#fields\ta\tb\r\n#types\tcount\tcount\r\n1\t2\r\n", { columns: ["b"] }, "2\n"],
    ["a byte order mark", `\xef\xbb\xbf${header("a", "count")}1\n`, { columns: ["a"] }, "1\n"],
    ["a NUL in a line", `${header("a\tb", "string\tstring")}x\0y\tz\n`, { columns: ["a", "b"] }, "x\\x00y\tz\n"],
    ["no #types", "#separator \\x09\n#fields\ta\tb\n1\t2\n", { columns: ["b"] }, "2\n"],
    [
      "intervals are not times, sets of times neither",
      `${header("i\ts", "interval\tset[time]")}1.5\t1.5,2.5\n`,
      { columns: ["i", "s"], time: UTC },
      "1.5\t1.5,2.5\n",
    ],
    [
      "times that are none stay",
      `${header("t", "time")}-5.5\nXX.XX\n99999999999999999999.5\n`,
      { columns: ["t"], time: UTC },
      "-5.5\nXX.XX\n99999999999999999999.5\n",
    ],
    [
      "JSON",
      '{"ts":1.5,"id":{"orig_h":"10.0.0.1"},"tags":["a","b"],"ok":true}\n{"ts":2.25,"msg":"a\\tb"}\n',
      { columns: ["id.orig_h", "ts", "tags", "ok", "msg"] },
      "10.0.0.1\t1.5\ta,b\tT\t-\n-\t2.25\t-\t-\ta\\x09b\n",
    ],
    [
      "JSON with a header",
      '{"ts":1.5,"n":3,"id.orig_p":80,"s":"x","d":1.25}\n',
      { columns: ["ts", "n", "id.orig_p", "s", "d"], header: "first" },
      "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#fields\tts\tn\tid.orig_p\ts\td\n#types\ttime\tcount\tport\tstring\tdouble\n1.5\t3\t80\tx\t1.25\n",
    ],
    [
      "TSV to JSON, times exact",
      `${header("ts\tn\tok\ts\tv\te", "time\tcount\tbool\tstring\tvector[string]\tstring")}1700000000.000001\t18446744073709551615\tT\ta"\\x09\\\\b\tx,-,\\x2c\t(empty)\n-\t-\tF\t\\x2d\t(empty)\t-\n`,
      { format: "json" },
      '{"ts":1700000000.000001,"n":18446744073709551615,"ok":true,"s":"a\\"\\t\\\\b","v":["x",null,","],"e":""}\n{"ok":false,"s":"-","v":[]}\n',
    ],
    [
      "TSV to CSV",
      `${header("a\tb\tc", "string\tset[string]\tstring")}x,"y\t(empty)\t-\n`,
      { format: "csv" },
      'a,b,c\n"x,""y","",\n',
    ],
    [
      "CSV over blocks, by name",
      LOG,
      { format: "csv", columns: ["ts", "id.orig_h"] },
      "ts,id.orig_h\n1700000000.000001,10.0.0.1\n1700000001.999999,10.0.0.2\n,10.0.0.3\n1700000000.5,10.9.9.9\n",
    ],
    [
      "--where",
      LOG,
      { columns: ["id.orig_h"], where: "id.orig_h == 10.0.0.0/30 and not tags == b" },
      "10.0.0.1\n10.0.0.3\n",
    ],
    [
      "--where with host, and a word",
      LOG,
      { columns: ["id.orig_h"], where: 'host 10.9.9.9 or "A,B"' },
      "10.0.0.2\n10.9.9.9\n",
    ],
    ["--where on an interval", LOG, { columns: ["id.orig_h"], where: "duration >= 500ms" }, "10.0.0.1\n"],
    [
      "--since and --until",
      LOG,
      { columns: ["id.orig_h"], sinceUs: 1700000000.5e6, untilUs: 1700000001.999999e6 },
      "10.9.9.9\n",
    ],
  ];
  it.each(cases)("%s", async (_, log, options, expected) => {
    for (const chunk of [1 << 20, 7]) {
      expect((await cut(memoryInput(log, "test.log", chunk), options)).output.toString("latin1")).toBe(expected);
    }
  });
});

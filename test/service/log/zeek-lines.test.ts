import { describe, expect, it } from "vitest";
import { logSchema } from "../../../src/service/log/schema.ts";
import { escapeWireText } from "../../../src/service/log/text.ts";
import { zeekJson, zeekTsv } from "../../../src/service/log/zeek-lines.ts";

const schema = logSchema("probe", {
  ts: "time",
  name: "string",
  took: "interval",
  ok: "bool",
  many: "vector[string]",
  some: "set[count]",
  host: "addr",
});
const latin1 = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

describe("text of the network", () => {
  it("keeps UTF-8 and escapes everything else that is not printable", () => {
    expect(escapeWireText(latin1("naïve ☃"))).toBe("naïve ☃");
    expect(escapeWireText("a\xffb\x00\x1b[31m")).toBe("a\\xffb\\x00\\x1b[31m");
    expect(escapeWireText(latin1("\u009b31m"))).toBe("\\xc2\\x9b31m");
    expect(escapeWireText("C:\\x")).toBe("C:\\\\x");
  });

  it("takes overlong forms and surrogates for bytes", () => {
    expect(escapeWireText("\xc0\xaf")).toBe("\\xc0\\xaf");
    expect(escapeWireText("\xed\xa0\x80")).toBe("\\xed\\xa0\\x80");
  });
});

describe("rows as lines", () => {
  it("writes TSV with Zeek's words for unset, empty, and text that looks like them", () => {
    const row = { ts: 1_700_000_000_123_456_789n, name: "-", took: -1_500_000n, ok: true, many: [], some: [1, 2] };
    expect(zeekTsv.line(schema, row)).toBe("1700000000.123456\t\\x2d\t-0.001500\tT\t(empty)\t1,2\t-\n");
    expect(zeekTsv.line(schema, { name: "(empty)" })).toBe("-\t\\x28empty)\t-\t-\t-\t-\t-\n");
    expect(zeekTsv.line(schema, { name: "" })).toBe("-\t(empty)\t-\t-\t-\t-\t-\n");
  });

  it("escapes the separators inside values only where they separate", () => {
    expect(zeekTsv.line(schema, { name: "a,b\tc", many: ["a,b", "c"] })).toBe("-\ta,b\\x09c\t-\t-\ta\\x2cb,c\t-\t-\n");
  });

  it("writes JSON without unset fields, times as numbers", () => {
    const row = { ts: 5_000_000_000n, name: 'say "\x7f"', many: ["x"], ok: false };
    expect(JSON.parse(zeekJson.line(schema, row))).toEqual({ ts: 5, name: 'say "\\x7f"', many: ["x"], ok: false });
    expect(zeekJson.line(schema, row)).toContain('"ts":5.000000');
  });

  it("names the fields and their types in the header", () => {
    const header = zeekTsv.header(schema, 0n);
    expect(header).toContain("#path\tprobe\n");
    expect(header).toContain("#types\ttime\tstring\tinterval\tbool\tvector[string]\tset[count]\taddr\n");
  });
});

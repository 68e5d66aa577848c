import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { FilterError, parseDisplayFilter } from "../../../src/capture/filter/display-parser.ts";
import { flowFilter } from "../../../src/capture/filter/display-rows.ts";
import { parseIpv6, parseMac, parseNumber, parseSeconds } from "../../../src/capture/filter/display-values.ts";
import { Frame } from "../../../src/capture/frame.ts";
import { openMeter } from "../../../src/capture/meter.ts";

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");

interface Shape {
  v6?: boolean;
  proto?: number;
  src?: string;
  dst?: string;
  sport?: number;
  dport?: number;
  vlan?: number;
  flags?: number;
  payload?: Buffer;
}

/** An Ethernet frame from addresses in hex (8 or 32 digits). */
function bytesOf({
  v6 = false,
  proto = 6,
  src,
  dst,
  sport = 40_000,
  dport = 80,
  vlan,
  flags = 2,
  payload = Buffer.alloc(0),
}: Shape) {
  const eth = hex(`525400000002 525400000001${vlan === undefined ? "" : `8100${vlan.toString(16).padStart(4, "0")}`}`);
  const transport = Buffer.alloc((proto === 6 ? 20 : 8) + payload.length);
  payload.copy(transport, proto === 6 ? 20 : 8);
  transport.writeUInt16BE(sport, 0);
  transport.writeUInt16BE(dport, 2);
  if (proto === 6) {
    transport[12] = 0x50;
    transport[13] = flags;
  } else if (proto === 17) transport.writeUInt16BE(transport.length, 4);
  const [from, to] = v6
    ? [src ?? "20010db8000000000000000000000001", dst ?? "20010db8000000000000000000000002"]
    : [src ?? "0a000001", dst ?? "0a000002"];
  const ip = v6 ? hex(`60000000 0000 0040${from}${to}`) : hex(`45000000 00000000 4000 0000${from}${to}`);
  if (v6) {
    ip.writeUInt16BE(transport.length, 4);
    ip[6] = proto;
  } else {
    ip.writeUInt16BE(20 + transport.length, 2);
    ip[9] = proto;
  }
  return Buffer.concat([eth, hex(v6 ? "86dd" : "0800"), ip, transport]);
}

function frameOf(shape: Shape, sec: number): Frame {
  const frame = new Frame();
  frame.data = bytesOf(shape);
  Object.assign(frame, { caplen: frame.data.length, origLen: frame.data.length, sec, linktype: 1 });
  return frame;
}

/** A ClientHello that asks for api.example.test. */
const HELLO = hex(
  `16 0301 0048 01 000044 0303 ${"ab".repeat(32)} 00 0002 1301 01 00 0019 0000 0015 0013 00 0010 ${Buffer.from("api.example.test").toString("hex")}`,
);

const FLOWS: Record<string, Shape> = {
  web: { dport: 80 },
  tls: { dport: 443, src: "c0a80105", vlan: 100, payload: HELLO },
  dns: { proto: 17, dport: 53, sport: 5353 },
  six: { v6: true, dport: 22 },
  ntp6: { v6: true, proto: 17, dport: 123 },
};
const names = Object.keys(FLOWS);
const meter = openMeter({ keepEnded: true });
const rowOf = new Map<string, number>();
beforeAll(() => {
  for (const [index, name] of names.entries()) rowOf.set(name, meter.add(frameOf(FLOWS[name]!, 1_700_000_000 + index)));
  meter.add(frameOf({ ...FLOWS.dns, payload: Buffer.alloc(1000) }, 1_700_000_010));
});

function matching(text: string): string {
  const accept = flowFilter(text, meter.table);
  return names.filter((name) => accept(rowOf.get(name)!)).join(" ");
}

describe("a display filter over flows", () => {
  it.each([
    ["", "web tls dns six ntp6"],
    ["tcp", "web tls six"],
    ["udp and ip6", "ntp6"],
    ["ip", "web tls dns"],
    ["!tcp", "dns ntp6"],
    ["tcp.port == 80", "web"],
    ["tcp.port == 0x50", "web"],
    ["tcp.dstport == 40000", ""],
    ["tcp.srcport eq 40000 && tcp.port ne 80", "tls six"],
    ["tcp.port != 80", "tls six"],
    ["!(tcp.port == 80)", "tls dns six ntp6"],
    ["tcp.port in {80 443}", "web tls"],
    ["tcp.port in {1..100, 443}", "web tls six"],
    ["tcp.dstport > 80", "tls"],
    ["tcp.dstport >= 80", "web tls"],
    ["tcp.dstport < 80", "six"],
    ["udp.port <= 53", "dns"],
    ["port 53", "dns"],
    ["port 53 or port 22", "dns six"],
    ["ip.addr == 192.168.0.0/16", "tls"],
    ["ip.src == 10.0.0.2", ""],
    ["ip.dst == 10.0.0.2", "web tls dns"],
    ["ip.src != 192.168.1.5", "web dns"],
    ["host 2001:db8::1", "six ntp6"],
    ["ipv6.dst == 2001:db8::/32", "six ntp6"],
    ["ipv6.dst == ::ffff:0:0/96", ""],
    ["net 10.0.0.0/8", "web tls dns"],
    ["vlan.id", "tls"],
    ["vlan.id == 100", "tls"],
    ["vlan.id in {1..4094}", "tls"],
    ["eth.addr == 52:54:00:00:00:01 and tcp.port == 22", "six"],
    ["eth.dst == 52-54-00-00-00-01", ""],
    ["flow.packets == 2", "dns"],
    ["flow.bytes > 1k", "dns"],
    ["flow.duration >= 8s", "dns"],
    ["flow.duration > 8s", ""],
    ["flow.duration < 500ms", "web tls six ntp6"],
    ['flow.state == "S0"', "web tls dns six ntp6"],
    ["flow.app == tls", "tls"],
    ["flow.app", "web tls six ntp6"],
    ["tls.sni contains example", "tls"],
    ['tls.sni matches "^API\\.ex"', "tls"],
    ["flow.server_name != foo", "tls"],
    ["api.example", "tls"],
    ["EXAMPLE.TEST", "tls"],
    ['"192.168.1.5:40000"', "tls"],
    ["tcp and not ip6 or port 123", "web tls ntp6"],
    ["tcp and (ip6 or port 443)", "tls six"],
    ["tcp port 443", "tls"],
    ["TCP AND NOT IP6", "web tls"],
  ])("%s", (text, expected) => {
    expect(matching(text)).toBe(expected);
  });

  it.each([
    ["tcp and tcp.prt == 80", 9, "unknown field tcp.prt, did you mean tcp.port"],
    ["flow.byte", 1, "unknown field flow.byte, did you mean flow.bytes"],
    ["xyzzy == 1", 1, "unknown field xyzzy"],
    ["tcp.port == ", 13, "a value is missing after tcp.port =="],
    ["tcp.port == abc", 13, "'abc' is not a number, which tcp.port is compared with"],
    ["ip.addr == ::1", 12, "(for it there is ipv6.addr)"],
    ["ip.addr == 10.0.0.0/33", 12, "'10.0.0.0/33' is not an IPv4 address or network"],
    ["ip.addr > 10.0.0.1", 11, "it has no order"],
    ["tcp.port contains 8", 19, "the values of tcp.port are not text"],
    ["tcp.port in {80", 10, "this set is never closed"],
    ["tcp.port in 80", 13, "'in' wants a set"],
    ["tcp.port in {}", 10, "this set is empty"],
    ["(tcp", 1, "this parenthesis is never closed"],
    ["tcp)", 4, "unexpected ')'"],
    ["tcp and", 8, "a field or a word is missing before 'the end'"],
    ["tcp or or udp", 8, "a field or a word is missing before 'or'"],
    ["tcp.port = 80", 10, "unexpected '=', did you mean =="],
    ['"open', 1, "this quotation mark is never closed"],
    ['flow.app matches "["', 18, "'[' is not a regular expression"],
    ["flow.duration > 10x", 17, "is not a duration"],
    ["port 70000", 6, "'70000' is not a port"],
    ["host example.org", 6, "'example.org' is not an IP address"],
  ])("%s is told with its column", (text, column, message) => {
    const error = (() => {
      try {
        flowFilter(text, meter.table);
      } catch (caught) {
        return caught;
      }
    })();
    expect(error).toBeInstanceOf(FilterError);
    expect((error as FilterError).column).toBe(column);
    expect((error as FilterError).message).toContain(`col ${column}: `);
    expect((error as FilterError).message).toContain(message);
  });

  it("tells that a field is one of packets", () => {
    expect(() => flowFilter("tcp.flags.syn", meter.table)).toThrow("tcp.flags.syn is not a field of flows");
  });

  it("either parses or names a column, whatever is typed", () => {
    const pieces = [
      "tcp",
      "ip.addr",
      "==",
      "!=",
      "in",
      "{",
      "}",
      "(",
      ")",
      "!",
      "not",
      "and",
      "or",
      "80",
      "10.0.0.0/8",
      '"a"',
      "..",
    ];
    const typed = fc.oneof(
      fc.string(),
      fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((list) => list.join(" ")),
    );
    fc.assert(
      fc.property(typed, (text) => {
        try {
          parseDisplayFilter(text);
        } catch (error) {
          expect(error).toBeInstanceOf(FilterError);
          expect((error as FilterError).column).toBeLessThanOrEqual(text.length + 1);
        }
      }),
      { numRuns: 3000 },
    );
    expect(() => parseDisplayFilter("!".repeat(10_000))).toThrow("nested too deeply");
    expect(() => parseDisplayFilter("(".repeat(10_000))).toThrow(FilterError);
  });
});

describe("values", () => {
  it("are read as people write them", () => {
    expect(["80", "1.5k", "2M", "0x1f", "x", "-1", ""].map(parseNumber)).toEqual([
      80,
      1500,
      2e6,
      31,
      undefined,
      undefined,
      undefined,
    ]);
    expect(["2", "1.5s", "20ms", "5m", "1h", "3d"].map(parseSeconds)).toEqual([2, 1.5, 0.02, 300, 3600, undefined]);
    expect(parseMac("5254.0012.3456")).toEqual([0x52, 0x54, 0, 0x12, 0x34, 0x56]);
    expect(parseMac("52:54:00")).toBeUndefined();
    expect(parseIpv6("::ffff:10.0.0.1")?.words).toEqual([0, 0, 0xffff, 0x0a000001]);
    expect(parseIpv6("2001:db8::/48")?.masks).toEqual([0xffffffff, 0xffff0000, 0, 0]);
    expect(parseIpv6("1:2:3:4:5:6:7:8")?.words).toEqual([0x10002, 0x30004, 0x50006, 0x70008]);
    expect(parseIpv6("fe80::1%eth0")).toBeUndefined();
  });
});

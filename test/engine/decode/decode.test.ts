import { describe, expect, it } from "vitest";
import { ethernet, hex, ipv4, ipv6, tcp, u16, u32, udp } from "../../capture/frames.ts";
import { decode, innermost } from "../layers.ts";
import { ACK, GRE, IPIP, IPV6, SYN, TCP, UDP } from "../protocol-numbers.ts";

// Numbers of engine/packet.ts.
const NO_ERROR = 0;
const MALFORMED = 2;
const ETHERTYPE_STP = 2;
const MAX_DEPTH = 8;

const payload = hex("01020304");
const inner = ipv4(UDP, udp(1111, 2222, payload), { source: "192.168.7.1", target: "192.168.7.2" });

describe("decoding a frame", () => {
  it("finds addresses, ports and payload of UDP over IPv4 over Ethernet, and leaves padding out", () => {
    const bytes = Buffer.concat([ethernet(0x0800, ipv4(UDP, udp(53, 4000, payload))), Buffer.alloc(20)]);
    const p = decode(bytes);
    expect([p.ipVersion, p.protocol, p.srcPort, p.dstPort, p.payloadLength]).toEqual([4, 17, 53, 4000, 4]);
    expect(p.bytes(p.src, 4)).toEqual([10, 0, 0, 1]);
    expect(p.bytes(p.payload, p.payloadCaptured)).toEqual([1, 2, 3, 4]);
    expect(p.error).toBe(NO_ERROR);
  });

  it("peels VLAN stacks, and does not keep priority tags", () => {
    const stack = Buffer.concat([u16(0x0064), u16(0x8100), u16(0x2000), u16(0x8100), u16(0x00c8), u16(0x0800)]);
    const p = decode(ethernet(0x88a8, Buffer.concat([stack, ipv4(UDP, udp(1, 2, payload))])));
    expect(p.vlans).toEqual([100, 200]);
    expect(p.srcPort).toBe(1);
  });

  it.each<[string, number, Uint8Array]>([
    ["802.1ah", 0x88e7, Buffer.concat([u32(7), hex("525400000003525400000004"), u16(0x0800)])],
    ["VNTAG", 0x8926, hex("0000 0000 0800")],
    ["MPLS", 0x8847, Buffer.concat([u32(0x00010040), u32(0x00020140)])],
    ["PPPoE", 0x8864, hex("1100 0001 0020 0021")],
    ["a security group tag", 0x8909, hex("0101 0001 0005 0800")],
    ["NSH", 0x894f, hex("0002 01 01 00000000")],
  ])("looks behind %s", (_, type, shim) => {
    expect(decode(ethernet(type, Buffer.concat([shim, ipv4(UDP, udp(1, 2, payload))]))).dstPort).toBe(2);
  });

  it("reads LLC and SNAP", () => {
    const snap = Buffer.concat([hex("aaaa03 000000 0800"), ipv4(UDP, udp(1, 2, payload))]);
    expect(decode(ethernet(snap.length, snap)).dstPort).toBe(2);
    expect(decode(ethernet(38, hex("424203".padEnd(76, "0")))).etherType).toBe(ETHERTYPE_STP);
  });

  it("walks IPv6 extension headers, and takes an atomic fragment for whole", () => {
    const options = hex("2c00 000000000000");
    const atomic = hex("1100 0000 00000005");
    const p = decode(ethernet(0x86dd, ipv6(0, Buffer.concat([options, atomic, udp(5, 6, payload)]))));
    expect([p.ipVersion, p.protocol, p.fragment, p.dstPort]).toEqual([6, UDP, 0, 6]);
  });

  it.each<[string, number, Uint8Array]>([
    ["raw IP", 101, inner],
    ["null, little-endian", 0, Buffer.concat([hex("02000000"), inner])],
    ["loop, big-endian", 108, Buffer.concat([hex("00000002"), inner])],
    ["Linux cooked", 113, Buffer.concat([hex("0000 0001 0006 525400000001 0000 0800"), inner])],
    ["Linux cooked v2", 276, Buffer.concat([hex("0800 0000 00000001 0001 00 06 525400000001 0000"), inner])],
    ["PPP", 9, Buffer.concat([hex("ff03 0021"), inner])],
    ["Cisco HDLC", 104, Buffer.concat([hex("0f00 0800"), inner])],
    ["Frame Relay", 107, Buffer.concat([hex("1841 03 cc"), inner])],
    ["NFLOG", 239, Buffer.concat([hex("02000000"), Uint8Array.of(inner.length + 4, 0, 9, 0), inner])],
    [
      "802.11 behind radiotap",
      127,
      Buffer.concat([
        hex("0000 0800 00000000 08010000 525400000001 525400000002 525400000003 0000 aaaa03 000000 0800"),
        inner,
      ]),
    ],
  ])("knows link type %s", (_, linktype, bytes) => {
    expect(decode(bytes, linktype).dstPort).toBe(2222);
  });

  it("counts a packet cut by the mirror with the length its header tells", () => {
    const p = decode(ethernet(0x0800, ipv4(UDP, udp(1, 2, payload), { totalLength: 1028 })));
    expect([p.ipLength, p.transport]).toEqual([1028, 1]);
  });
});

describe("tunnels", () => {
  const vni = hex("0800000000002a00");
  const gre = (protocol: number, rest: Uint8Array, flags = 0) => Buffer.concat([u16(flags), u16(protocol), rest]);
  it.each<[string, number, Uint8Array]>([
    ["GRE", GRE, gre(0x0800, inner)],
    ["GRE with key and sequence", GRE, gre(0x0800, Buffer.concat([u32(9), u32(1), inner]), 0x3000)],
    ["PPTP", GRE, gre(0x880b, Buffer.concat([u32(9), u32(1), hex("ff03 0021"), inner]), 0x3001)],
    ["ERSPAN I", GRE, gre(0x88be, ethernet(0x0800, inner))],
    [
      "ERSPAN II",
      GRE,
      gre(0x88be, Buffer.concat([u32(1), hex("1000 0001 00000000"), ethernet(0x0800, inner)]), 0x1000),
    ],
    [
      "ERSPAN III",
      GRE,
      gre(0x22eb, Buffer.concat([u32(1), hex("2000 0001 00000000 00000000"), ethernet(0x0800, inner)]), 0x1000),
    ],
    ["IP in IP", IPIP, inner],
    ["6in4", IPV6, ipv6(UDP, udp(1111, 2222, payload))],
    ["VXLAN", UDP, udp(40000, 4789, Buffer.concat([vni, ethernet(0x0800, inner)]))],
    ["Geneve", UDP, udp(40000, 6081, Buffer.concat([hex("0100 6558 00002a00 00000000"), ethernet(0x0800, inner)]))],
    ["GTP-U", UDP, udp(2152, 2152, Buffer.concat([hex("30ff 0020 00000001"), inner]))],
  ])("looks into %s", (_, protocol, body) => {
    const p = innermost(ethernet(0x0800, ipv4(protocol, body)));
    expect([p.depth, p.srcPort, p.dstPort]).toEqual([1, 1111, 2222]);
  });

  it("does not take what merely uses the port for a tunnel", () => {
    expect(innermost(ethernet(0x0800, ipv4(UDP, udp(40000, 2152, payload)))).depth).toBe(0);
    expect(innermost(ethernet(0x0800, ipv4(UDP, udp(40000, 4789, Buffer.alloc(80))))).depth).toBe(0);
  });

  it("stops at eight layers", () => {
    let nested: Uint8Array = inner;
    for (let i = 0; i < 20; i++) nested = ipv4(IPIP, nested);
    expect(innermost(ethernet(0x0800, nested)).depth).toBe(MAX_DEPTH - 1);
  });

  it("stops at link-layer headers nested without end", () => {
    const nested = hex("aaaa03 000000 0100".repeat(2000));
    expect(decode(ethernet(100, nested)).error).toBe(MALFORMED);
  });
});

describe("TCP", () => {
  it("gives flags, numbers and window, and calls a header longer than the packet malformed", () => {
    const p = decode(ethernet(0x0800, ipv4(TCP, tcp(80, 4000, 0xfffffff0, 7, SYN | ACK, payload))));
    expect([p.tcpFlags, p.tcpSeq, p.tcpAck, p.tcpWindow, p.payloadLength]).toEqual([18, 0xfffffff0, 7, 4096, 4]);
    const bad = ethernet(0x0800, ipv4(TCP, tcp(80, 4000, 1, 7, ACK, payload)));
    bad[14 + 20 + 12] = 0xf0;
    expect(decode(bad).error).toBe(MALFORMED);
  });
});

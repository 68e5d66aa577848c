import { describe, expect, it } from "vitest";
import type { Frame } from "../../../src/capture/frame.ts";
import { type MeterOptions, openMeter } from "../../../src/capture/meter.ts";
import { textField } from "../../../src/engine/host/fields.ts";
import type { FlowMeter } from "../../../src/engine/host/meter.ts";
import { CLOSE_REASONS } from "../../../src/engine/tables/close-reasons.ts";
import { ethernet, frameOf, ipv4, ipv6, tcp, udp } from "../../capture/frames.ts";
import { ACK, FIN, RST, SYN, TCP, UDP } from "../protocol-numbers.ts";

function at(bytes: Uint8Array, time: number): Frame {
  return frameOf(bytes, { sec: Math.floor(time), nsec: Math.round((time % 1) * 1e9) });
}

function framed(from: string, to: string, time: number, protocol: number, body: (a: number, b: number) => Uint8Array) {
  const [source, sourcePort] = from.split(":") as [string, string];
  const [target, targetPort] = to.split(":") as [string, string];
  return at(ethernet(0x0800, ipv4(protocol, body(Number(sourcePort), Number(targetPort)), { source, target })), time);
}

const packet = (from: string, to: string, time: number, length = 0) =>
  framed(from, to, time, UDP, (a, b) => udp(a, b, Buffer.alloc(length)));

const segment = (from: string, to: string, time: number, flags: number, seq = 0, ack = 0, length = 0) =>
  framed(from, to, time, TCP, (a, b) => tcp(a, b, seq, ack, flags, Buffer.alloc(length, 1)));

const meterOf = (options: MeterOptions = {}): FlowMeter => openMeter({ ...options, build: "checked" });

/** Runs packets through a table and tells how each connection ended. */
function run(packets: readonly Frame[], options: MeterOptions = {}) {
  const ended: string[] = [];
  const meter: FlowMeter = meterOf({
    ...options,
    onEnd: (row) => {
      const { table } = meter;
      const state = table.isTcp(row) ? textField(table, "conn_state")(row) : "-";
      ended.push(
        `${table.port(row, true)}>${table.port(row, false)} ${table.packets(row, true)}/${table.packets(row, false)} ${state} ${textField(table, "history")(row)} ${CLOSE_REASONS[table.reason(row)]}`,
      );
    },
  });
  for (const p of packets) meter.add(p);
  meter.finish();
  return { ended, table: meter.table };
}

const A = "10.0.0.1:40000";
const B = "10.0.0.2:9999";

describe("the flow table", () => {
  it("counts both directions of a 5-tuple in one row, the first sender being the originator", () => {
    const { ended } = run([packet(A, B, 1), packet(B, A, 1.1), packet(A, B, 1.2)]);
    expect(ended).toEqual(["40000>9999 2/1 - Dd eof"]);
  });

  it("follows a TCP connection from handshake to close", () => {
    const { ended } = run([
      segment(A, B, 1, SYN, 100),
      segment(B, A, 1.1, SYN | ACK, 500, 101),
      segment(A, B, 1.2, ACK, 101, 501),
      segment(A, B, 1.3, ACK, 101, 501, 10),
      segment(B, A, 1.4, ACK, 501, 111, 20),
      segment(A, B, 1.5, ACK | FIN, 111, 521),
      segment(B, A, 1.6, ACK | FIN, 521, 112),
      segment(A, B, 1.7, ACK, 112, 522),
      packet("10.9.9.9:1", "10.9.9.8:2", 20),
    ]);
    expect(ended).toEqual(["40000>9999 5/3 SF ShADdFf fin", "1>2 1/0 - D eof"]);
  });

  it("ends an unanswered attempt after five seconds, so that a late SYN is another one", () => {
    const { ended } = run([segment(A, B, 1, SYN, 100), segment(A, B, 2, SYN, 100), segment(A, B, 8, SYN, 100)]);
    expect(ended).toEqual(["40000>9999 2/0 S0 S attempt", "40000>9999 1/0 S0 S eof"]);
  });

  it("splits at a SYN with another sequence number, not at a retransmitted one", () => {
    const { ended } = run([segment(A, B, 1, SYN, 100), segment(A, B, 2, SYN, 100), segment(A, B, 3, SYN, 7777)]);
    expect(ended).toEqual(["40000>9999 2/0 S0 S reuse", "40000>9999 1/0 S0 S eof"]);
  });

  it("flips a connection that begins with a SYN-ACK once the other side answers", () => {
    const { ended } = run([segment(B, A, 1, SYN | ACK, 500, 101), segment(A, B, 1.1, ACK, 101, 501)]);
    expect(ended).toEqual(["40000>9999 1/1 S1 ^hA eof"]);
  });

  it("calls a refused attempt rejected", () => {
    const { ended } = run([segment(A, B, 1, SYN, 100), segment(B, A, 1.1, RST | ACK, 0, 101)]);
    expect(ended).toEqual(["40000>9999 1/1 REJ Sr eof"]);
  });

  it("ends idle connections by packet time, and tells them in the order in which they end", () => {
    const { ended } = run([
      packet("10.0.0.1:1", B, 100),
      packet("10.0.0.1:2", B, 90),
      packet("10.0.0.1:3", B, 110),
      packet("10.0.0.1:2", B, 120),
      packet("10.0.0.1:4", B, 1000),
    ]);
    expect(ended).toEqual(["1>9999 1/0 - D idle", "3>9999 1/0 - D idle", "2>9999 2/0 - D idle", "4>9999 1/0 - D eof"]);
  });

  it("evicts what would end first when it is full, and counts it", () => {
    const packets = Array.from({ length: 50 }, (_, i) => packet(`10.0.0.1:${i + 1}`, B, 1 + i));
    const { ended, table } = run(packets, { maxFlows: 10 });
    expect(ended.filter((line) => line.endsWith("evicted"))).toHaveLength(40);
    expect(ended).toHaveLength(50);
    expect(table.evicted).toBe(40);
    expect(table.size).toBe(0);
  });

  it("keeps ended connections for a live view until their room is needed, with ids that never come back", () => {
    const meter = meterOf({ keepEnded: true, maxFlows: 4 });
    const { table } = meter;
    const first = meter.add(packet("10.0.0.1:1", B, 1));
    const id = table.id(first);
    meter.advance(100);
    expect(table.live).toBe(0);
    expect(table.rowOf(id)).toBe(first);
    expect(table.ended(first)).toBe(true);
    for (let port = 2; port < 7; port++) meter.add(packet(`10.0.0.1:${port}`, B, 100));
    expect(table.rowOf(id)).toBe(-1);
    expect(table.size).toBe(4);
  });

  it("holds many connections at once, and finds each again", () => {
    const meter = meterOf();
    const count = 20_000;
    const one = (i: number, time: number) => packet(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:999`, B, time);
    const rows = Array.from({ length: count }, (_, i) => meter.add(one(i, 1)));
    expect(new Set(rows).size).toBe(count);
    for (let i = 0; i < count; i += 7) expect(meter.add(one(i, 2))).toBe(rows[i]);
    expect(meter.table.connections).toBe(count);
  });

  it("names a connection the same whatever came before it, in IPv4 and IPv6", () => {
    const v6 = at(ethernet(0x86dd, ipv6(UDP, udp(40000, 9999, Buffer.alloc(4)))), 1);
    const uids = (packets: readonly Frame[]) => {
      const found: string[] = [];
      const meter: FlowMeter = meterOf({
        onEnd: (row) => {
          const { table } = meter;
          found.push(`${table.isV6(row)} ${table.uidHigh(row)} ${table.uidLow(row)}`);
        },
      });
      for (const p of packets) meter.add(p);
      meter.finish();
      return found.sort();
    };
    expect(uids([v6, packet(A, B, 1)])).toEqual(uids([packet(A, B, 1), v6]));
    expect(uids([packet(A, B, 1)])).toEqual(uids([v6, packet(A, B, 1)]).filter((uid) => uid.startsWith("false")));
  });

  it("chooses the largest rows, the earlier of equals first, as a full sort does", () => {
    const meter = meterOf({ keepEnded: true });
    const { table } = meter;
    for (let i = 0; i < 200; i++) meter.add(packet(`10.0.0.1:${i + 1}`, B, 1 + ((i * 7) % 50) / 10, i % 5));
    const rows = Array.from({ length: 200 }, (_, row) => row);
    const value = (row: number) => table.wireBytes(row, true);
    const sorted = [...rows].sort((a, b) => value(b) - value(a) || Number(table.firstNs(a) - table.firstNs(b)));
    const times = (list: readonly number[]) => list.map((row) => [value(row), table.firstNs(row)]);
    for (const wanted of [1, 7, 200]) expect(times(table.top(value, wanted))).toEqual(times(sorted.slice(0, wanted)));
    expect(table.top(value, 300)).toHaveLength(200);
    expect(table.top(value, 0)).toEqual([]);
    expect(table.top(value, 9, (row) => table.port(row, true) === 5)).toHaveLength(1);
  });
});

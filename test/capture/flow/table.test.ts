import { describe, expect, it } from "vitest";
import { ACK, FIN, Packet, RST, SYN, TCP, UDP } from "../../../src/capture/decode/packet.ts";
import { CLOSE_REASONS, FlowTable, type FlowTableOptions } from "../../../src/capture/flow/table.ts";

/** A packet view as the decoders would leave it, for IPv4. */
function packet(from: string, to: string, time: number, fields: Partial<Packet> = {}): Packet {
  const p = new Packet();
  const [source, sourcePort] = from.split(":") as [string, string];
  const [target, targetPort] = to.split(":") as [string, string];
  p.data = Uint8Array.from([...source.split("."), ...target.split(".")].map(Number));
  p.ipVersion = 4;
  p.src = 0;
  p.dst = 4;
  p.sec = Math.floor(time);
  p.nsec = Math.round((time % 1) * 1e9);
  p.ipProto = UDP;
  p.srcPort = Number(sourcePort);
  p.dstPort = Number(targetPort);
  p.transport = true;
  p.payload = 8;
  p.ipLength = 40;
  p.frameLength = 60;
  return Object.assign(p, fields);
}

const segment = (from: string, to: string, time: number, tcpFlags: number, tcpSeq = 0, tcpAck = 0, payloadLength = 0) =>
  packet(from, to, time, {
    ipProto: TCP,
    tcpFlags,
    tcpSeq,
    tcpAck,
    payloadLength,
    payloadCaptured: payloadLength,
    tcpWindow: 1000,
  });

/** Runs packets through a table and tells how each connection ended. */
function run(packets: readonly Packet[], options: FlowTableOptions = {}) {
  const ended: string[] = [];
  const table: FlowTable = new FlowTable({
    ...options,
    onEnd: (row) => {
      const slot = table.tcpSlot(row);
      const state = slot < 0 ? "-" : table.tcp.connState(slot, () => false);
      ended.push(
        `${table.port(row, true)}>${table.port(row, false)} ${table.packets(row, true)}/${table.packets(row, false)} ${state} ${table.history.text(row)} ${CLOSE_REASONS[table.reason(row)]}`,
      );
    },
  });
  for (const p of packets) table.add(p);
  table.finish();
  return { ended, table };
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
    const table = new FlowTable({ keepEnded: true, maxFlows: 4 });
    const first = table.add(packet("10.0.0.1:1", B, 1));
    const id = table.id(first);
    table.advance(100);
    expect(table.live).toBe(0);
    expect(table.rowOf(id)).toBe(first);
    expect(table.ended(first)).toBe(true);
    for (let port = 2; port < 7; port++) table.add(packet(`10.0.0.1:${port}`, B, 100));
    expect(table.rowOf(id)).toBe(-1);
    expect(table.size).toBe(4);
  });

  it("selects the largest rows without sorting all", () => {
    const table = new FlowTable();
    for (let port = 1; port <= 200; port++) {
      for (let n = 0; n < (port * 37) % 101; n++) table.add(packet(`10.0.0.1:${port + 20000}`, B, 1));
    }
    const counts = Array.from({ length: 200 }, (_, i) => ((i + 1) * 37) % 101).sort((a, b) => b - a);
    const out = new Int32Array(10);
    const found = table.top((row) => table.packets(row, true), out);
    expect(Array.from(out.subarray(0, found), (row) => table.packets(row, true))).toEqual(counts.slice(0, 10));
    const even = table.top(
      (row) => table.packets(row, true),
      out,
      (row) => table.port(row, true) === 20005,
    );
    expect(even).toBe(1);
  });

  it("names a connection the same whatever came before it, in IPv4 and IPv6", () => {
    const v6 = packet(A, B, 1, { ipVersion: 6, data: Uint8Array.from({ length: 32 }, (_, i) => i), dst: 16 });
    const uids = (packets: readonly Packet[]) => {
      const found: string[] = [];
      const table: FlowTable = new FlowTable({
        onEnd: (row) => found.push(`${table.isV6(row)} ${table.uidHigh(row)} ${table.uidLow(row)}`),
      });
      for (const p of packets) table.add(p);
      table.finish();
      return found.sort();
    };
    expect(uids([v6, packet(A, B, 1)])).toEqual(uids([packet(A, B, 1), v6]));
    expect(uids([packet(A, B, 1)])).toEqual(uids([v6, packet(A, B, 1)]).filter((uid) => uid.startsWith("false")));
  });

  it("chooses the largest rows, the earlier of equals first, as a full sort does", () => {
    const table = new FlowTable({ keepEnded: true });
    for (let i = 0; i < 200; i++)
      table.add(packet(`10.0.0.1:${i + 1}`, B, 1 + ((i * 7) % 50) / 10, { frameLength: i % 5 }));
    const rows = Int32Array.from({ length: 200 }, (_, row) => row);
    const value = (row: number) => table.frameBytes(row, true);
    const sorted = [...rows].sort(
      (a, b) => value(b) - value(a) || table.firstSec(a) - table.firstSec(b) || table.firstNsec(a) - table.firstNsec(b),
    );
    const times = (list: Iterable<number>) =>
      Array.from(list, (row) => [value(row), table.firstSec(row), table.firstNsec(row)]);
    for (const wanted of [1, 7, 200]) {
      const out = new Int32Array(wanted);
      expect(table.top(value, out)).toBe(wanted);
      expect(times(out)).toEqual(times(sorted.slice(0, wanted)));
    }
    expect(table.top(value, new Int32Array(300))).toBe(200);
    expect(table.top(value, new Int32Array(0))).toBe(0);
  });
});

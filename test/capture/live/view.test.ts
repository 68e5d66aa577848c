import { describe, expect, it } from "vitest";
import { Frame } from "../../../src/capture/frame.ts";
import type { FlowsQuery, PacketsQuery, SortKey, TalkerKey, ViewRequest } from "../../../src/capture/live/snapshot.ts";
import { FlowView } from "../../../src/capture/live/view.ts";

const START = 1_700_000_000;

/** An Ethernet frame with an IPv4 UDP datagram from 10.0.0.`from` to 10.0.1.1:9999. */
function udp(from: number, length: number, sec: number): Frame {
  const data = Buffer.alloc(14 + length);
  data.writeUInt16BE(0x0800, 12);
  data[14] = 0x45;
  data.writeUInt16BE(length, 16);
  data[22] = 64;
  data[23] = 17;
  data.set([10, 0, from >> 8, from & 255, 10, 1, 0, 1], 26);
  data.writeUInt16BE(1000 + from, 34);
  data.writeUInt16BE(9999, 36);
  data.writeUInt16BE(length - 20, 38);
  const frame = new Frame();
  return Object.assign(frame, { data, caplen: data.length, origLen: data.length, sec, linktype: 1 });
}

type Over = Partial<FlowsQuery> & Partial<Omit<ViewRequest, "flows">>;

const request = ({
  seq = 1,
  filter = "",
  hold = false,
  packets = null,
  talkers = null,
  overview = null,
  ...over
}: Over = {}): ViewRequest => ({
  ...{ seq, filter, hold, packets, talkers, overview },
  flows: {
    ...{ sort: "bytes", descending: true, offset: 0, rows: 5, pin: null, frozen: false, ended: true, records: false },
    ...over,
  },
});

const CONTEXT = { state: "running", drops: null, bpf: null, recording: null, reading: null } as const;
const live = (nowMs = START * 1000, ring = 1e6) => new FlowView({ live: true, ring, snaplen: 256 }, nowMs);

/** `flows` flows, the nth with n datagrams. */
function filled(flows: number): FlowView {
  const view = live();
  for (let n = 1; n <= flows; n++) for (let i = 0; i < n; i++) view.add(udp(n, 100, START + i));
  return view;
}
/** The flows' part of an answer, and the rest of it. */
const see = (view: FlowView, over: Over = {}) => {
  const snapshot = view.answer(request(over), CONTEXT, START * 1000 + 1000);
  return { ...snapshot, ...snapshot.flows! };
};

describe("the flow view", () => {
  it("answers with the visible rows only, in order, and the totals of all", () => {
    const snapshot = see(filled(30));
    expect(snapshot.rows.map((row) => row.origPackets)).toEqual([30, 29, 28, 27, 26]);
    expect(snapshot).toMatchObject({ held: 30, scrollable: 30, packets: 465, offset: 0, state: "running" });
    expect(snapshot.rows[0]).toMatchObject({ proto: "udp", origAddress: "10.0.0.30", origPort: 1030, respPort: 9999 });
    expect(snapshot.rows[0]!.origBytes).toBe(3000);
  });

  it("sorts by every key, both ways", () => {
    const view = filled(30);
    const keys: SortKey[] = [
      ...(["proto", "orig", "resp", "vlan", "app", "name", "state", "packets", "bytes", "rate"] as const),
      ...(["rtt", "retrans", "ooo", "zero", "missed", "duration", "start"] as const),
    ];
    for (const sort of keys) {
      const [up, down] = [false, true].map((descending) => see(view, { sort, descending, rows: 30 }).rows);
      expect(new Set(up!.map((row) => row.id)).size).toBe(30);
      expect(new Set(down!.map((row) => row.id)).size).toBe(30);
    }
    const byAddress = see(view, { sort: "orig", descending: false, rows: 30 }).rows.map((row) => row.origPort);
    expect(byAddress).toEqual(Array.from({ length: 30 }, (_, index) => 1001 + index));
  });

  it("keeps a pinned flow on its line, whatever its rank and the filter", () => {
    const view = filled(30);
    const { id } = see(view, { offset: 25 }).rows[4]!;
    const answer = see(view, { pin: { id, line: 2 } });
    expect(answer.rows.map((row) => row.origPackets)).toEqual([30, 29, 1, 28, 27]);
    expect(answer.pinned).toMatchObject({ row: { id }, detail: { origMac: "" } });
    expect(answer.pinned!.detail!.uid).toMatch(/^C\w{12}$/);
    expect(see(view, { pin: { id, line: 2 }, filter: "udp.port == 1030" }).rows.map((row) => row.id)).toContain(id);
    expect(see(view, { pin: { id, line: 0 }, hold: true }).rows[0]).toMatchObject({ id });
    expect(see(view, { pin: { id: 12345, line: 0 } }).pinned).toBeNull();
  });

  it("keeps the order of rows while it is frozen, and lets their values go on", () => {
    const view = filled(30);
    const ids = see(view, { frozen: true }).rows.map((row) => row.id);
    for (let i = 0; i < 100; i++) view.add(udp(1, 100, START + 2));
    expect(see(view, { frozen: true }).rows.map((row) => row.id)).toEqual(ids);
    view.add(udp(31, 100, START + 2));
    expect(see(view, { frozen: true, offset: 26 }).rows.at(-1)).toMatchObject({ origPort: 1031 });
    expect(see(view, { frozen: true, offset: 26 }).rows.at(-2)).toMatchObject({ origPackets: 101 });
    expect(see(view).rows[0]).toMatchObject({ origPackets: 101 });
  });

  it("puts flows that have ended last, the newest of them first, and leaves them out on request", () => {
    const view = live();
    for (let n = 1; n <= 4; n++) view.add(udp(n, 100, START + n));
    // The first four are over after a minute of silence.
    view.add(udp(5, 100, START + 100));
    view.add(udp(5, 100, START + 101));
    const rows = see(view, { sort: "rate" }).rows;
    expect(rows.map((row) => [row.origPort, row.ended])).toEqual([
      [1005, false],
      ...[1004, 1003, 1002, 1001].map((port) => [port, true]),
    ]);
    expect(see(view, { ended: false }).rows.map((row) => row.origPort)).toEqual([1005]);
  });

  it("holds what it showed while the capture goes on, and lets go", () => {
    const view = filled(30);
    const before = see(view, { hold: true, rows: 30 });
    for (let i = 0; i < 100; i++) view.add(udp(1, 100, START + 2));
    expect(see(view, { hold: true, rows: 30 }).rows).toEqual(before.rows);
    const bySource = see(view, { hold: true, sort: "orig", descending: false, rows: 3 });
    expect(bySource.rows.map((row) => row.origPackets)).toEqual([1, 2, 3]);
    expect(bySource.packets).toBe(565);
    expect(see(view).rows[0]!.origPackets).toBe(101);
  });

  it("gives rates of whole seconds of packet time, per flow the mean of five", () => {
    const view = live();
    view.add(udp(1, 100, START));
    for (let second = 1; second <= 5; second++) for (let i = 0; i < 10; i++) view.add(udp(2, 100, START + second));
    view.add(udp(3, 100, START + 6));
    const snapshot = see(view, { sort: "rate" });
    expect(snapshot.packetsPerSec).toBe(10);
    expect(snapshot.bitsPerSec).toBe(10 * 114 * 8);
    expect(snapshot.rows[0]).toMatchObject({ origPort: 1002, rateBps: 10 * 114 * 8 });
    expect(snapshot.rateHistory).toHaveLength(6);
  });

  it("counts a backlog into the seconds it belongs to, and an idle second when it is over", () => {
    const view = live();
    view.add(udp(1, 100, START));
    view.idle((START + 1) * 1000);
    // Stopped for 20 s (Ctrl-Z): the timer comes before the packets of that time.
    view.idle((START + 21) * 1000);
    for (let second = 1; second <= 20; second++) view.add(udp(1, 100, START + second));
    view.add(udp(1, 100, START + 21));
    const { rateHistory, peakBitsPerSec } = see(view);
    expect(rateHistory).toEqual(Array(21).fill(114 * 8));
    expect(peakBitsPerSec).toBe(114 * 8);
    for (let second = 22; second <= 25; second++) view.idle((START + second) * 1000 + 900);
    expect(see(view)).toMatchObject({ packetsPerSec: 0 });
    expect(see(view).rateHistory.slice(0, 22)).toEqual(Array(22).fill(114 * 8));
  });

  it("gives means over the capture when it reads a file", () => {
    const view = new FlowView({ live: false, ring: 1e6, snaplen: 0 }, 0);
    for (let i = 0; i <= 10; i++) view.add(udp(1, 100, START + i));
    const snapshot = see(view);
    expect(snapshot.elapsedMs).toBe(10_000);
    expect(snapshot.packetsPerSec).toBeCloseTo(1.1);
    expect(snapshot.rows[0]!.rateBps).toBeCloseTo((11 * 114 * 8) / 10);
  });

  it("gives the same rows as connection records on request", () => {
    const [record] = see(filled(2), { records: true }).records as Record<string, unknown>[];
    expect(record).toMatchObject({ "id.orig_h": "10.0.0.2", "id.resp_p": 9999, proto: "udp", orig_pkts: 2 });
  });

  it("answers before the first packet", () => {
    const empty = see(live(0), { hold: true });
    expect(empty).toMatchObject({ rows: [], pinned: null, scrollable: 0, packets: 0 });
  });

  it("shows the flows that match a display filter, and keeps the last valid one", () => {
    const view = filled(10);
    const all = see(view);
    const some = see(view, { filter: "flow.packets > 7" });
    expect([some.scrollable, some.held, some.packets, some.filter]).toEqual([3, 10, all.packets, "flow.packets > 7"]);
    expect(some.rows.map((row) => row.origPackets)).toEqual([10, 9, 8]);
    const wrong = see(view, { filter: "flow.packts > 7" });
    expect(wrong.filterError).toMatch(/^col 1: .*flow\.packets/);
    expect([wrong.scrollable, wrong.filter]).toEqual([3, "flow.packets > 7"]);
    expect(see(view, { filter: "" })).toMatchObject({ scrollable: 10, filter: "", filterError: null });
  });

  it("holds a held screen anew when the filter is another one", () => {
    const view = filled(10);
    expect(see(view, { hold: true, filter: "flow.packets > 5" }).scrollable).toBe(5);
    expect(see(view, { hold: true, filter: "flow.packets > 8" }).scrollable).toBe(2);
  });
});

describe("packets of the ring", () => {
  const packets = (view: FlowView, over: Partial<PacketsQuery> = {}, filter = "") => {
    const query = { scope: { of: "filtered" }, top: null, rows: 5, selected: null, move: 0, ...over } as const;
    return view.answer(request({ packets: query, filter }), CONTEXT, START * 1000).packetList!;
  };

  it("shows the newest, or stays, and moves within what there is", () => {
    const view = filled(10);
    const newest = packets(view);
    expect(newest.rows.map((row) => row.number)).toEqual([51, 52, 53, 54, 55]);
    expect(newest).toMatchObject({ before: 50, after: 0, complete: true, selected: { number: 55 } });
    expect(newest.rows[0]).toMatchObject({ protocol: "UDP", source: "10.0.0.10:1010", destination: "10.1.0.1:9999" });
    expect(packets(view, { top: 51, selected: 55, move: -7 })).toMatchObject({ before: 47, selected: { number: 48 } });
    expect(packets(view, { top: 1, selected: 1, move: -3 })).toMatchObject({ before: 0, selected: { number: 1 } });
    expect(packets(view, { top: 1, selected: 1, move: 1e9 })).toMatchObject({ selected: { number: 55 }, after: 0 });
  });

  it("finds those of a flow, and of flows that match the filter", () => {
    const view = filled(10);
    const { id } = see(view).rows[0]!;
    expect(packets(view, { scope: { of: "flow", id } })).toMatchObject({ before: 5, rows: { length: 5 } });
    const filtered = packets(view, {}, "udp.port == 1003");
    expect(filtered.rows.map((row) => row.number)).toEqual([4, 5, 6]);
    view.add(udp(3, 100, START + 20));
    expect(packets(view, {}, "udp.port == 1003").rows.at(-1)).toMatchObject({ number: 56, time: 20 });
    expect(packets(view, { scope: { of: "flow", id: 12345 } }).rows).toEqual([]);
  });

  it("tells of packets that have made room for others", () => {
    const view = live(START * 1000, 4096);
    for (let i = 0; i < 100; i++) view.add(udp(1, 100, START + i));
    const answer = packets(view, { top: 1, selected: 1 });
    expect(answer.rows[0]!.number).toBe(100 - answer.ring.packets + 1);
    expect(answer.ring.bytes).toBeLessThanOrEqual(4096);
    expect(packets(view, {}, "udp.port == 1001").before + 5).toBe(answer.ring.packets);
  });
});

describe("talkers and the overview", () => {
  const answer = (view: FlowView, over: Over) => view.answer(request(over), CONTEXT, START * 1000);

  it("sum up both ends of flows, and give the filter that shows them", () => {
    const talkers = (key: TalkerKey) =>
      answer(filled(3), { talkers: { key, sort: "sent", descending: true, offset: 0, rows: 9 } }).talkers!;
    const hosts = talkers("host");
    expect(hosts.total).toBe(4);
    expect(hosts.rows[0]).toMatchObject({ name: "10.0.0.3", flows: 1, sentPackets: 3, sentBytes: 300, share: 2 / 7 });
    expect(hosts.rows.at(-1)).toMatchObject({ name: "10.1.0.1", flows: 3, receivedBytes: 600 });
    expect(talkers("port").rows).toMatchObject([{ name: "udp/9999", flows: 3, receivedPackets: 6 }]);
    expect(talkers("vlan").rows).toMatchObject([{ name: "(untagged)", filter: "not vlan.id" }]);
    expect(talkers("ovs-port").rows).toMatchObject([{ name: "(not known)" }]);
    const view = filled(3);
    for (const key of ["host", "port", "app", "vlan", "mac"] as const) {
      for (const { filter, flows } of talkers(key).rows) expect(see(view, { filter }).scrollable, filter).toBe(flows);
    }
  });

  it("name the switch's ports by the MAC addresses learned there", () => {
    const view = filled(2);
    view.usePorts(new Map([["00:00:00:00:00:00", "mega_tap0"]]));
    const query = { key: "ovs-port", sort: "flows", descending: true, offset: 0, rows: 9 } as const;
    expect(answer(view, { talkers: query }).talkers!.rows).toMatchObject([{ name: "mega_tap0", flows: 2 }]);
  });

  it("give rates by direction, states, and a warning where only one direction is seen", () => {
    const view = live();
    for (let i = 0; i < 12; i++) for (let n = i + 1; n <= 12; n++) view.add(udp(n, 100, START + i));
    view.add(udp(1, 100, START + 60));
    const { overview } = answer(view, { overview: { step: 1, steps: 100, rows: 3 } });
    expect(overview!.up).toHaveLength(60);
    expect(overview!.up[0]).toBe(12 * 114 * 8);
    expect(overview!.down.every((bits) => bits === 0)).toBe(true);
    expect(overview!.states).toEqual([["S0", 13]]);
    expect(overview!.warnings).toEqual(["only one direction is seen of 10 of 10 flows: is the mirror made for both?"]);
    const tens = answer(view, { overview: { step: 10, steps: 100, rows: 3 } }).overview!;
    expect(tens.up).toHaveLength(6);
    expect(tens.up[0]).toBeCloseTo(overview!.up.slice(0, 10).reduce((sum, bits) => sum + bits) / 10);
  });
});

import { describe, expect, it } from "vitest";
import { Frame } from "../../../src/capture/frame.ts";
import type { SortKey, ViewRequest } from "../../../src/capture/live/snapshot.ts";
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

const request = (over: Partial<ViewRequest> = {}): ViewRequest => ({
  seq: 1,
  sort: "bytes",
  descending: true,
  offset: 0,
  rows: 5,
  selected: null,
  hold: false,
  filter: "",
  records: false,
  ...over,
});

/** `flows` flows, the nth with n datagrams. */
function filled(flows: number): FlowView {
  const view = new FlowView(true, START * 1000);
  for (let n = 1; n <= flows; n++) for (let i = 0; i < n; i++) view.add(udp(n, 100, START + i));
  return view;
}
const see = (view: FlowView, over: Partial<ViewRequest> = {}) =>
  view.answer(request(over), "running", null, START * 1000 + 1000);

describe("the flow view", () => {
  it("answers with the visible rows only, in order, and the totals of all", () => {
    const snapshot = see(filled(30));
    expect(snapshot.rows.map((row) => row.origPackets)).toEqual([30, 29, 28, 27, 26]);
    expect(snapshot).toMatchObject({ flows: 30, scrollable: 30, packets: 465, offset: 0, state: "running" });
    expect(snapshot.rows[0]).toMatchObject({ proto: "udp", origAddress: "10.0.0.30", origPort: 1030, respPort: 9999 });
    expect(snapshot.rows[0]!.origBytes).toBe(3000);
  });

  it("sorts by every key, both ways", () => {
    const view = filled(30);
    const keys: SortKey[] = ["proto", "orig", "resp", "app", "state", "packets", "bytes", "rate", "duration"];
    for (const sort of keys) {
      const [up, down] = [false, true].map((descending) => see(view, { sort, descending, rows: 30 }).rows);
      expect(new Set(up!.map((row) => row.id)).size).toBe(30);
      expect(new Set(down!.map((row) => row.id)).size).toBe(30);
    }
    const byAddress = see(view, { sort: "orig", descending: false, rows: 30 }).rows.map((row) => row.origPort);
    expect(byAddress).toEqual(Array.from({ length: 30 }, (_, index) => 1001 + index));
  });

  it("finds the selected flow wherever it stands, by id and by rank", () => {
    const view = filled(30);
    const { id } = see(view, { offset: 25 }).rows[4]!;
    expect(see(view, { selected: { id } }).selected).toMatchObject({ rank: 29, row: { id } });
    expect(see(view, { selected: { rank: 29 } }).selected).toMatchObject({ rank: 29, row: { id } });
    expect(see(view, { selected: { rank: 1000 } }).selected).toMatchObject({ rank: 29 });
    expect(see(view, { selected: { id: 12345 } }).selected).toBeNull();
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

  it("gives rates of the last second, per flow and in all", () => {
    const view = filled(3);
    view.tick(START * 1000 + 1000);
    for (let i = 0; i < 10; i++) view.add(udp(2, 100, START + 1));
    view.tick(START * 1000 + 2000);
    const snapshot = see(view, { sort: "rate" });
    expect(snapshot.packetsPerSec).toBe(10);
    expect(snapshot.bitsPerSec).toBe(10 * 114 * 8);
    expect(snapshot.rows.map((row) => row.rateBps)).toEqual([10 * 114 * 8, 0, 0]);
    expect(snapshot.rateHistory).toHaveLength(2);
  });

  it("gives means over the capture when it reads a file", () => {
    const view = new FlowView(false, 0);
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
    const empty = see(new FlowView(true, 0), { selected: { rank: 0 }, hold: true });
    expect(empty).toMatchObject({ rows: [], selected: null, scrollable: 0, packets: 0 });
  });

  it("shows the flows that match a display filter, and keeps the last valid one", () => {
    const view = filled(10);
    const all = see(view);
    const some = see(view, { filter: "flow.packets > 7" });
    expect([some.scrollable, some.flows, some.packets, some.filter]).toEqual([3, 10, all.packets, "flow.packets > 7"]);
    expect(some.rows.map((row) => row.origPackets)).toEqual([10, 9, 8]);
    const wrong = see(view, { filter: "flow.packts > 7" });
    expect(wrong.filterError).toMatch(/^col 1: .*flow\.packets/);
    expect([wrong.scrollable, wrong.filter]).toEqual([3, "flow.packets > 7"]);
    expect(see(view, { filter: "" })).toMatchObject({ scrollable: 10, filter: "", filterError: null });
  });

  it("lets go of a selected flow that does not match, and holds a held screen anew", () => {
    const view = filled(10);
    const { id } = see(view).rows[0]!;
    expect(see(view, { selected: { id }, filter: "flow.packets < 5" }).selected).toBeNull();
    expect(see(view, { selected: { id }, filter: "flow.packets > 5" }).selected?.rank).toBe(0);
    expect(see(view, { hold: true, filter: "flow.packets > 5" }).scrollable).toBe(5);
    expect(see(view, { hold: true, filter: "flow.packets > 8" }).scrollable).toBe(2);
  });
});

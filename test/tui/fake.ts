/** Made-up snapshots for the tests of the terminal UI. */
import type { FlowRow, Snapshot } from "../../src/capture/live/snapshot.ts";
import { initialModel, type MirrorStrip, type Model, type Subject } from "../../src/tui/model.ts";

/** 2026-01-02 10:42:07 local time. */
export const NOW = new Date(2026, 0, 2, 10, 42, 7).getTime();

export function flow(id: number, over: Partial<FlowRow> = {}): FlowRow {
  return {
    id,
    proto: "tcp",
    origAddress: `10.0.3.${id + 1}`,
    origPort: 51544 + id,
    respAddress: "10.0.9.4",
    respPort: 443,
    app: "ssl",
    serverName: "api.example.test",
    state: "S1",
    history: "ShADd",
    vlans: [100],
    origPackets: 61_204,
    respPackets: 123_006,
    origBytes: 4_100_000,
    respBytes: 208_300_000,
    rateBps: 38_100_000 / (id + 1),
    firstMs: Date.UTC(2026, 0, 2, 9, 36, 55, 120),
    durationMs: 312_000,
    ...over,
  };
}

/** Flows of every kind a table may hold. */
export const ROWS: readonly FlowRow[] = [
  flow(0),
  flow(1, { proto: "udp", app: "quic", state: "SF", origPort: 50112, vlans: [] }),
  flow(2, { respPort: 5432, app: "postgresql", origPackets: 44_902, respPackets: 0, durationMs: 42_000_000 }),
  flow(3, {
    origAddress: "2001:db8::5",
    respAddress: "2001:db8:85a3:1319:8a2e:370:7344:4a1f",
    app: "ssh",
    vlans: [5, 7],
  }),
  flow(4, {
    app: "",
    state: "S0",
    origPackets: 6,
    respPackets: 0,
    origBytes: 360,
    respBytes: 0,
    rateBps: 0,
    durationMs: 9000,
  }),
  flow(5, { proto: "icmp", origPort: 8, respPort: 0, app: "", state: "OTH", rateBps: 784 }),
];

export function snapshot(over: Partial<Snapshot> = {}): Snapshot {
  const rows = over.rows ?? ROWS;
  return {
    seq: 0,
    state: "running",
    atMs: NOW,
    elapsedMs: 761_000,
    packets: 1_204_031,
    bytes: 812_300_000,
    drops: { received: 1_204_118, kernel: 87, interface: 0 },
    packetsPerSec: 6410,
    bitsPerSec: 52_100_000,
    peakBitsPerSec: 88_000_000,
    rateHistory: Array.from({ length: 60 }, (_, second) => (second % 12) * 1_000_000),
    notIp: 12,
    malformed: 3,
    flows: rows.length,
    filter: "",
    filterError: null,
    scrollable: rows.length,
    offset: 0,
    rows,
    records: [],
    selected: null,
    ...over,
  };
}

export const STRIP: MirrorStrip = {
  name: "m0",
  sources: "mega_tap0 (both)",
  mirrored: 1_204_118,
  ageMs: 3000,
  captured: 1_204_031,
  verdict: "LOSS",
  lost: 87,
};

export const SUBJECT: Subject = { target: "mega_tap2", live: true, bpf: null, mirrored: true };

export function model(cols: number, rows: number, over: Partial<Model> = {}): Model {
  return { ...initialModel(SUBJECT, { cols, rows }, NOW), snapshot: snapshot(), strip: STRIP, ...over };
}

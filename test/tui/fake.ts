/** Made-up snapshots for the tests of the terminal UI. */
import type {
  FlowRow,
  FlowsAnswer,
  OverviewAnswer,
  PacketsAnswer,
  Snapshot,
  TalkerRow,
} from "../../src/capture/live/snapshot.ts";
import type { MirrorFunnel, MirrorStatus } from "../../src/mirror/status.ts";
import { initialModel, type Model, type Subject } from "../../src/tui/model.ts";

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
    appGuessed: false,
    serverName: "api.example.test",
    learnedName: "",
    state: "S1",
    history: "ShADd",
    ended: false,
    vlans: [100],
    origPackets: 61_204,
    respPackets: 123_006,
    origBytes: 4_100_000,
    respBytes: 208_300_000,
    rateBps: 38_100_000 / (id + 1),
    trend: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((step) => step * 1_000_000),
    rttMs: 0.41,
    rttKind: "tcp",
    retransmits: 0,
    outOfOrder: 3,
    zeroWindows: 0,
    missed: 0,
    firstMs: NOW - 312_000,
    durationMs: 312_000,
    ...over,
  };
}

/** Flows of every kind a table may hold. */
export const ROWS: readonly FlowRow[] = [
  flow(0),
  flow(1, {
    proto: "udp",
    app: "quic",
    state: "SF",
    origPort: 50112,
    vlans: [],
    retransmits: null,
    rttMs: null,
    rttKind: null,
  }),
  flow(2, {
    respPort: 5432,
    app: "postgresql",
    appGuessed: true,
    serverName: "",
    origPackets: 44_902,
    respPackets: 0,
    durationMs: 42_000_000,
  }),
  flow(3, {
    origAddress: "2001:db8::5",
    respAddress: "2001:db8:85a3:1319:8a2e:370:7344:4a1f",
    app: "ssh",
    serverName: "",
    learnedName: "jump.example.test",
    vlans: [5, 7],
    missed: 14_480,
    retransmits: 12,
  }),
  flow(4, {
    app: "",
    serverName: "",
    state: "S0",
    ended: true,
    origPackets: 6,
    respPackets: 0,
    origBytes: 360,
    respBytes: 0,
    rateBps: 0,
    trend: [],
    rttMs: null,
    rttKind: null,
    durationMs: 9000,
  }),
  flow(5, {
    proto: "icmp",
    origPort: null,
    respPort: null,
    app: "",
    serverName: "",
    state: "OTH",
    rateBps: 784,
    rttMs: 12.3,
    rttKind: "echo",
    retransmits: null,
    durationMs: 15,
  }),
];

export const DETAIL = {
  uid: "C7f2aaaaaaaaa",
  communityId: "1:CLrka+c/jgJ+pkR9QJtUfU6bsqs=",
  origMac: "52:54:00:12:34:56",
  respMac: "52:54:00:ab:cd:ef",
  origFlags: 0x1a,
  respFlags: 0x1a,
  origPayload: 4_000_000,
  respPayload: 200_000_000,
  origTrend: [1, 2, 3, 2, 1].map((step) => step * 100_000),
  respTrend: [5, 6, 7, 8, 9].map((step) => step * 1_000_000),
  lastMs: NOW,
  closeReason: "",
  badChecksums: 0,
  fragments: 2,
  tunnel: "vxlan",
};

export function flowsAnswer(over: Partial<FlowsAnswer> = {}): FlowsAnswer {
  const rows = over.rows ?? ROWS;
  return { scrollable: rows.length, offset: 0, rows, records: [], pinned: null, ...over };
}

export function talker(name: string, share: number): TalkerRow {
  return {
    name,
    flows: 41,
    sentPackets: 184_400,
    sentBytes: 5_200_000,
    receivedPackets: 123_100,
    receivedBytes: 208_400_000,
    rateBps: 38_200_000 * share,
    share,
    filter: `host ${name}`,
  };
}

export const OVERVIEW: OverviewAnswer = {
  up: Array.from({ length: 300 }, (_, second) => (second % 30) * 1_000_000),
  down: Array.from({ length: 300 }, (_, second) => (second % 17) * 300_000),
  hosts: [talker("10.0.3.17", 0.71), talker("2001:db8:85a3:1319:8a2e:370:7344:4a1f", 0.21)],
  apps: [talker("ssl", 0.8), talker("dns", 0.1)],
  states: [
    ["S1", 412],
    ["SF", 90],
    ["S0", 3],
  ],
  begun: 12,
  ended: 3,
  live: 503,
  warnings: ["only one direction is seen of 9 of 12 flows: is the mirror made for both?"],
};

export const PACKETS: PacketsAnswer = {
  rows: [
    {
      number: 1_204_018,
      time: 40.999,
      source: "10.0.9.4:443",
      destination: "10.0.3.17:51544",
      protocol: "TCP",
      length: 66,
      info: "443 > 51544 [ACK] seq 1 ack 2 win 501 len 0",
    },
    {
      number: 1_204_019,
      time: 41.000211,
      source: "10.0.3.17:51544",
      destination: "10.0.9.4:443",
      protocol: "TLS",
      length: 1514,
      info: "Application Data",
    },
  ],
  selected: {
    number: 1_204_019,
    layers: [
      {
        title: "Ethernet",
        summary: "52:54:00:ab:cd:ef > 52:54:00:12:34:56",
        offset: 0,
        length: 14,
        fields: [
          { name: "eth.dst", label: "Destination", value: "52:54:00:12:34:56", offset: 0, length: 6 },
          { name: "eth.src", label: "Source", value: "52:54:00:ab:cd:ef", offset: 6, length: 6 },
          { name: "eth.type", label: "Type", value: "0x0800", offset: 12, length: 2 },
        ],
      },
      {
        title: "Internet Protocol version 4",
        summary: "10.0.3.17 > 10.0.9.4  ttl 64 DF",
        offset: 14,
        length: 20,
        fields: [],
      },
    ],
    bytes: Uint8Array.from({ length: 256 }, (_, index) => index),
    wireLength: 1514,
  },
  before: 1_204_017,
  after: 0,
  ring: { packets: 200_000, bytes: 63_900_000, capacity: 64_000_000, seconds: 31, snaplen: 256 },
  complete: true,
};

export function snapshot(over: Partial<Snapshot> = {}): Snapshot {
  const flows = over.flows === undefined ? flowsAnswer() : over.flows;
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
    held: flows?.scrollable ?? 0,
    filter: "",
    filterError: null,
    bpf: null,
    recording: null,
    reading: null,
    packetList: null,
    talkers: null,
    overview: null,
    ...over,
    flows,
  };
}

export const STRIP: MirrorStatus = {
  name: "m0",
  sources: "mega_tap0:both",
  mirrored: 1_204_118,
  compared: { mirrored: 1_204_118, captured: 1_204_031, ageMs: 3000 },
  verdict: "LOSS",
  dueMs: 2000,
  lost: 87,
};

export const FUNNEL: MirrorFunnel = {
  stages: [
    {
      title: "selected by OVS",
      packets: 1_204_118,
      bytes: 812_400_000,
      dropped: null,
      source: "OVSDB Mirror.statistics tx_packets, every 5 s",
      ageMs: 3000,
    },
    {
      title: "delivered to mega_tap2",
      packets: 1_204_118,
      bytes: 812_400_000,
      dropped: 0,
      source: "OVSDB Interface.statistics tx_packets, tx_dropped, every 5 s",
      ageMs: 3000,
    },
    {
      title: "received by the capture",
      packets: 1_204_118,
      bytes: null,
      dropped: 87,
      source: "tcpdump: pcap_stats(3PCAP), every second",
      ageMs: null,
    },
    { title: "decoded", packets: 1_204_028, bytes: 812_300_000, dropped: 3, source: "counted here", ageMs: null },
    { title: "recorded", packets: null, bytes: null, dropped: null, source: "w begins", ageMs: null },
  ],
  facts: [
    ["bridge", "mega_bridge"],
    ["select", "mega_tap0:both"],
    ["vlan", "all"],
    ["output", "mega_tap2"],
    ["snaplen", "none"],
    ["filter", "none"],
    ["owner", "pid 4121"],
  ],
  warnings: ["14 frames came out of mega_tap2: OVS throws them away (is IPv6 on there? sysctl disable_ipv6)"],
};

export const SUBJECT: Subject = {
  target: "mega_tap2",
  live: true,
  played: false,
  mirrored: true,
  filterWords: ["flow.app", "flow.bytes", "tcp", "tcp.dstport", "tcp.port"],
};

export const FILE_SUBJECT: Subject = { ...SUBJECT, target: "captures/run7.pcap", live: false, mirrored: false };

export function model(cols: number, rows: number, over: Partial<Model> = {}): Model {
  const subject = over.subject ?? SUBJECT;
  return { ...initialModel(subject, { cols, rows }, NOW), snapshot: snapshot(), strip: STRIP, funnel: FUNNEL, ...over };
}

/** Rows of conn.log as the flow screens show flows. */
import type { FlowDetail, FlowRow } from "../../../capture/live/snapshot.ts";
import { Column, type Row } from "../row.ts";
import { numberOf, textOf, timeUs } from "../values.ts";

/** A row of conn.log: what the screens show, and what its detail pane shows besides. */
export interface ConnRow {
  readonly row: FlowRow;
  readonly detail: Omit<FlowDetail, "logRows">;
}

const column = (name: string) => new Column(name);
const TS = column("ts");
const TEXTS = {
  uid: column("uid"),
  proto: column("proto"),
  orig: column("id.orig_h"),
  resp: column("id.resp_h"),
  service: column("service"),
  state: column("conn_state"),
  history: column("history"),
  community: column("community_id"),
  origMac: column("orig_l2_addr"),
  respMac: column("resp_l2_addr"),
};
const NUMBERS = {
  origPort: column("id.orig_p"),
  respPort: column("id.resp_p"),
  duration: column("duration"),
  origPackets: column("orig_pkts"),
  respPackets: column("resp_pkts"),
  origBytes: column("orig_ip_bytes"),
  respBytes: column("resp_ip_bytes"),
  origPayload: column("orig_bytes"),
  respPayload: column("resp_bytes"),
  missed: column("missed_bytes"),
  vlan: column("vlan"),
  innerVlan: column("inner_vlan"),
};
const WITH_PORTS = ["tcp", "udp", "sctp"];

/** @param id names the row for as long as it is shown */
export function connRowOf(source: Row, id: number): ConnRow {
  const text = (name: keyof typeof TEXTS): string => {
    const of = TEXTS[name];
    return of.in(source) ? textOf(source, of.of(source)) : "";
  };
  const number = (name: keyof typeof NUMBERS): number => {
    const of = NUMBERS[name];
    const value = of.in(source) ? numberOf(source, of.of(source)) : 0;
    return Number.isFinite(value) ? value : 0;
  };
  const proto = text("proto") || "unknown_transport";
  const port = (value: number) => (WITH_PORTS.includes(proto) ? value : null);
  const us = timeUs(source, TS.of(source));
  const firstMs = Number.isNaN(us) ? 0 : us / 1000;
  const durationMs = number("duration") * 1000;
  const [origPayload, respPayload] = [number("origPayload"), number("respPayload")];
  // A log without IP bytes has those of the payload.
  const origBytes = NUMBERS.origBytes.of(source) >= 0 ? number("origBytes") : origPayload;
  const respBytes = NUMBERS.respBytes.of(source) >= 0 ? number("respBytes") : respPayload;
  return {
    row: {
      id,
      proto,
      origAddress: text("orig"),
      origPort: port(number("origPort")),
      respAddress: text("resp"),
      respPort: port(number("respPort")),
      app: text("service"),
      appGuessed: false,
      serverName: "",
      learnedName: "",
      state: text("state"),
      history: text("history"),
      ended: true,
      vlans: [number("vlan"), number("innerVlan")].filter((vlan) => vlan > 0),
      origPackets: number("origPackets"),
      respPackets: number("respPackets"),
      origBytes,
      respBytes,
      rateBps: durationMs > 0 ? ((origBytes + respBytes) * 8000) / durationMs : 0,
      trend: [],
      rttMs: null,
      rttKind: null,
      retransmits: null,
      outOfOrder: null,
      zeroWindows: null,
      missed: number("missed"),
      firstMs,
      durationMs,
    },
    detail: {
      uid: text("uid"),
      communityId: text("community"),
      origMac: text("origMac"),
      respMac: text("respMac"),
      origPayload,
      respPayload,
      origFlags: 0,
      respFlags: 0,
      origTrend: [],
      respTrend: [],
      lastMs: firstMs + durationMs,
      closeReason: "",
      badChecksums: 0,
      fragments: 0,
      tunnel: "",
    },
  };
}

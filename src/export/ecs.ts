/** Connection records as Elastic Common Schema documents (field names of ECS 9; fields of Zeek's module under `zeek.connection`), NDJSON. */
import type { ConnectionRecord } from "../engine/host/connection-record.ts";

const TRANSPORTS = new Set(["tcp", "udp", "icmp", "sctp"]);

/** ISO 8601 with nanoseconds, as Elasticsearch's date_nanos takes it. */
function timestamp(ns: string): string {
  const value = BigInt(ns);
  const seconds = new Date(Number(value / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${String(value % 1_000_000_000n).padStart(9, "0")}Z`;
}

/** `AA-BB-CC-DD-EE-FF` (ECS, source.mac). */
const mac = (text: string | undefined): string | undefined => text?.toUpperCase().replaceAll(":", "-");

/** One document; what is not known is left out. */
export function ecsDocument(r: ConnectionRecord): Record<string, unknown> {
  const isIcmp = r.proto === "icmp";
  const port = (value: number): number | undefined => (isIcmp || value === 0 ? undefined : value);
  const side = (orig: boolean) => ({
    ip: orig ? r["id.orig_h"] : r["id.resp_h"],
    port: port(orig ? r["id.orig_p"] : r["id.resp_p"]),
    mac: mac(orig ? r.orig_l2_addr : r.resp_l2_addr),
    packets: orig ? r.orig_pkts : r.resp_pkts,
    bytes: orig ? r.orig_ip_bytes : r.resp_ip_bytes,
    ...(orig || r.server_name === undefined ? {} : { domain: r.server_name }),
  });
  const ends = { source: side(true), destination: side(false) };
  return {
    "@timestamp": timestamp(r.first_ns),
    ecs: { version: "9.0.0" },
    event: {
      kind: "event",
      category: ["network"],
      type: ["connection", "end"],
      dataset: "tapscope.connection",
      id: r.uid,
      start: timestamp(r.first_ns),
      end: timestamp(r.last_ns),
      duration: Number(BigInt(r.last_ns) - BigInt(r.first_ns)),
      reason: r.close_reason,
    },
    network: {
      transport: TRANSPORTS.has(r.proto) ? (isIcmp && r.ip_proto === 58 ? "ipv6-icmp" : r.proto) : undefined,
      iana_number: String(r.ip_proto),
      type: r["id.orig_h"].includes(":") ? "ipv6" : "ipv4",
      protocol: r.service?.split(",")[0],
      application: r.app,
      community_id: r.community_id,
      packets: r.orig_pkts + r.resp_pkts,
      bytes: r.orig_ip_bytes + r.resp_ip_bytes,
      vlan: r.vlan === undefined ? undefined : { id: String(r.vlan) },
      inner: r.inner_vlan === undefined ? undefined : { vlan: { id: String(r.inner_vlan) } },
    },
    ...ends,
    client: ends.source,
    server: ends.destination,
    related: { ip: [...new Set([r["id.orig_h"], r["id.resp_h"]])] },
    zeek: {
      session_id: r.uid,
      connection: {
        state: r.conn_state,
        history: r.history,
        missed_bytes: r.missed_bytes,
        local_orig: r.local_orig,
        local_resp: r.local_resp,
        icmp: isIcmp ? { type: r["id.orig_p"], code: r["id.resp_p"] } : undefined,
      },
    },
  };
}

/** A document as a line of NDJSON. */
export function ecsLine(record: ConnectionRecord): string {
  return `${JSON.stringify(ecsDocument(record))}\n`;
}

/** Connection records for tests of exports. */
import type { ConnectionRecord } from "../../src/export/connection-record.ts";

export function record(more: Partial<ConnectionRecord> = {}): ConnectionRecord {
  return {
    ts: 1_700_000_000.5,
    uid: "CAbCdEfGhIjK",
    "id.orig_h": "10.0.0.1",
    "id.orig_p": 40_000,
    "id.resp_h": "10.0.0.2",
    "id.resp_p": 443,
    proto: "tcp",
    service: "ssl",
    app: "tls",
    duration: 1.25,
    orig_bytes: 100,
    resp_bytes: 2000,
    conn_state: "SF",
    local_orig: true,
    local_resp: true,
    missed_bytes: 0,
    history: "ShADadFf",
    orig_pkts: 6,
    orig_ip_bytes: 412,
    resp_pkts: 5,
    resp_ip_bytes: 2260,
    ip_proto: 6,
    community_id: "1:abc=",
    orig_l2_addr: "02:00:00:00:00:01",
    resp_l2_addr: "02:00:00:00:00:02",
    frag_pkts: 0,
    bad_csum: 0,
    first_ns: "1700000000500000000",
    last_ns: "1700000001750000000",
    close_reason: "fin",
    ...more,
  } as ConnectionRecord;
}

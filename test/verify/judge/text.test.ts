import { expect, it } from "vitest";
import type { DirectionReport, VerifyReport } from "../../../src/verify/judge/report.ts";
import { reportLines } from "../../../src/verify/judge/text.ts";

const IN: DirectionReport = {
  direction: "in",
  source_frames: 10,
  monitor_frames: 8,
  missing: 2,
  duplicated: 0,
  reordered: 0,
  altered: 1,
  truncated: 0,
  checksum_offloaded: 0,
  resegmented: 0,
  vlan: "added",
  vlan_frames: { same: 0, added: 8, removed: 0, rewritten: 0 },
  delay_ns: { min: -500, p50: 12_345, p99: 2_500_000, max: 1_500_000_000 },
  differences: [{ time_ns: 1_700_000_000_000_001_000n, length: 98, offset: 45, source: 0x0a, monitor: null }],
  missing_frames: [
    {
      time_ns: 1_700_000_000_123_456_789n,
      port: "tap0",
      length: 98,
      what: "10.0.0.1 > 10.0.0.2 TCP port 1 > 2, seq 3",
    },
  ],
};

const REPORT: VerifyReport = {
  verdict: "unfaithful",
  monitor: "mon",
  sources: [{ port: "tap0", direction: "in", frames: 10, seen: 8 }],
  directions: [IN],
  monitor_frames: 9,
  foreign_frames: 1,
  chatter_frames: 1,
  ping: {
    address: "10.0.0.2",
    from: "a",
    sent: 9,
    received: 9,
    requests_seen: 7,
    replies_seen: 9,
    missing_seq: [1, 2, 3, 7, 9],
    sequences: [{ seq: 4, request_seen: true, reply_seen: true, wire_rtt_ns: 100_000, ping_rtt_ns: 300_000 }],
    complaint: null,
    largest: null,
  },
  inject: null,
  command: null,
  ovs: { before: { packets: 1, bytes: 98 }, after: { packets: 9, bytes: 900 } },
  captures: [],
  causes: [{ code: "unknown", message: "no cause \u001b[31m", hint: "look" }],
  notes: [],
  started_ns: 0n,
  ended_ns: 0n,
};

it("gives the verdict, the figures, examples and causes, safe for a terminal", () => {
  expect(reportLines(REPORT).join("\n")).toBe(`unfaithful: of 10 frames of tap0: 2 missing, 1 altered on mon

                      in (into the switch)
seen on the source                      10
seen on the monitor                      8
missing                         2 (20.0 %)
duplicated                               0
reordered                                0
altered                                  1
truncated                                0
VLAN tag                             added
delay added min                    -0.5 us
            p50                    12.3 us
            p99                    2.50 ms
            max                     1.50 s

ping 10.0.0.2 from a: 9 sent, 9 answered; on the monitor 7 requests, 9 replies
  not seen whole: icmp_seq 1-3, 7, 9
  round trip, median: 100.0 us on the monitor, 300.0 us as ping says
monitor: 9 frames, 1 of no source (1 sent by the monitor itself)
Open vSwitch: counted 1 copies before, 9 after (it counts every 5 s)
  missing (in): 22:13:20.123456 98 bytes, 10.0.0.1 > 10.0.0.2 TCP port 1 > 2, seq 3
  … and 1 more
  altered (in): 22:13:20.000001 98 bytes, first at byte 45: 0x0a was sent, nothing came

cause (unknown): no cause \\x1b[31m
  to do: look`);
});

it("is short when all is well, and says so of nothing", () => {
  const well = { ...IN, monitor_frames: 10, missing: 0, altered: 0, differences: [], missing_frames: [] };
  expect(reportLines({ ...REPORT, verdict: "faithful", directions: [well] })[0]).toBe(
    "faithful: mon saw all 10 frames of tap0, once and unaltered",
  );
  expect(reportLines({ ...REPORT, verdict: "untested", directions: [] })[0]).toBe(
    "untested: nothing can be said of mon",
  );
});

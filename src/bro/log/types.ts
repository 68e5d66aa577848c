/**
 * What JSON logs do not say: which of their numbers are times and intervals. By the names that Zeek's own logs have; a test
 * holds the list against the `#types` of its logs.
 */

const TIMES = new Set([
  ...["ts", "_write_ts", "compile_ts", "certificate.not_valid_before", "certificate.not_valid_after"],
  ...["thisUpdate", "nextUpdate", "revoketime", "from", "till"],
  ...["ref_time", "org_time", "rec_time", "xmt_time"],
  ...["times.modified", "times.accessed", "times.created", "times.changed", "referenced_file.ts"],
  ...["referenced_file.times.modified", "referenced_file.times.accessed"],
  ...["referenced_file.times.created", "referenced_file.times.changed", "watched_until", "blocked_until"],
]);
const INTERVALS = new Set([
  ...[
    "duration",
    "rtt",
    "lease_time",
    "suppress_for",
    "ts_delta",
    "expire",
    "poll",
    "precision",
    "root_delay",
    "root_disp",
  ],
  ...["block_interval", "watch_interval", "tcp_rtt", "pkt_lag"],
]);

/** The type of a field of a JSON log, by its name and the first character of a value: `"`, `[`, a digit, … */
export function jsonType(name: string, first: number): string {
  switch (first) {
    case 0x22:
      return TIMES.has(name) ? "time" : "string";
    case 0x5b:
      return name === "TTLs" ? "vector[interval]" : "vector[any]";
    case 0x74:
    case 0x66:
      return "bool";
    default:
      if (TIMES.has(name)) return "time";
      return INTERVALS.has(name) ? "interval" : "double";
  }
}

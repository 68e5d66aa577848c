/** Words that records hold of what the engine keeps as numbers: a word's number is its place. */

/** Zeek's `conn_state`. */
export const CONN_STATES = [
  "OTH",
  "S0",
  "S1",
  "S2",
  "S3",
  "SF",
  "REJ",
  "RSTO",
  "RSTR",
  "RSTOS0",
  "RSTRH",
  "SH",
  "SHR",
] as const;

/** How an application was found; the first is none. */
export const SERVICE_BASES = ["", "payload", "parent", "port"] as const;

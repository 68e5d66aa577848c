/** Time is a number of nanoseconds since the epoch; what lies beyond the year 2262 is taken for its end. */

export const SECOND: i64 = 1_000_000_000;
export const MILLISECOND: i64 = 1_000_000;
/** Later than any time there is. */
export const NEVER: i64 = i64.MAX_VALUE;
/** The last second that can be told. */
const LAST_SECOND: u64 = 9_223_372_035;

/** Nanoseconds of a time given in seconds and nanoseconds. */
export function timeOf(seconds: u64, nanoseconds: u32): i64 {
  return <i64>min<u64>(seconds, LAST_SECOND) * SECOND + <i64>nanoseconds;
}

/**
 * A timer wheel for connections: each row stands in the bucket of the second in which it may end. Arming, moving and disarming cost a
 * few writes; nothing is scanned but the buckets whose second has come. What is due later than the wheel looks ahead is looked at again.
 */
import { get32, put32 } from "../bytes";
import { Row } from "../generated/layouts";
import { HORIZON, WHEEL } from "../generated/memory";
import { rowAt } from "../memory";
import { SECOND } from "../time";

/** The second up to which buckets have been emptied, and before the first packet. */
export const NOT_BEGUN: i64 = i64.MIN_VALUE;
export let wheelNow: i64 = NOT_BEGUN;

/** Puts (or moves) a row to the bucket of the time at which it is due; at the earliest the one that comes next. */
export function arm(row: Row, due: i64): void {
  const wait = due - wheelNow * SECOND;
  const seconds = wait <= 0 ? 1 : (wait - 1) / SECOND + 1;
  const bucket = bucketOf(wheelNow + min<i64>(seconds, HORIZON - 1));
  if (row.bucket === bucket + 1) return;
  disarm(row);
  const head = get32(headOf(bucket));
  row.wheelNext = head;
  row.wheelPrevious = 0;
  if (head !== 0) rowAt(<usize>head).wheelPrevious = <u32>row.at;
  put32(headOf(bucket), <u32>row.at);
  row.bucket = bucket + 1;
}

export function disarm(row: Row): void {
  const bucket = row.bucket - 1;
  if (bucket < 0) return;
  const next = row.wheelNext;
  const previous = row.wheelPrevious;
  if (next !== 0) rowAt(<usize>next).wheelPrevious = previous;
  if (previous !== 0) rowAt(<usize>previous).wheelNext = next;
  else put32(headOf(bucket), next);
  row.bucket = 0;
}

/** Whether the wheel has to go on to reach this second. The clock never goes back. */
export function isBehind(second: i64): bool {
  if (wheelNow === NOT_BEGUN) wheelNow = second;
  return wheelNow < second;
}

/** Moves on by one bucket, or over a stretch without any, towards `second`. @returns the bucket's rows, a list; 0 for none */
export function turn(second: i64): usize {
  if (second - wheelNow > HORIZON) wheelNow = second - HORIZON;
  wheelNow++;
  const place = headOf(bucketOf(wheelNow));
  const head = get32(place);
  put32(place, 0);
  return <usize>head;
}

/** The row that is due first (or one of them), null when none is armed. */
export function firstDue(): Row | null {
  for (let step = 1; step <= HORIZON; step++) {
    const head = get32(headOf(bucketOf(wheelNow + step)));
    if (head !== 0) return rowAt(<usize>head);
  }
  return null;
}

function bucketOf(second: i64): i32 {
  return <i32>second & (HORIZON - 1);
}

function headOf(bucket: i32): usize {
  return <usize>WHEEL + ((<usize>bucket) << 2);
}

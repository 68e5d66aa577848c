/**
 * Which of several equal frames belongs to which: keep-alives, ARP requests, retransmissions and floods look alike, so
 * order and time decide. Linear, and in order: two pairs never cross.
 */

/** What is known of the frames' surroundings: times of neighbours that were matched beyond doubt. */
export interface Neighbours {
  /** Source time of the matched frame next before the copy `m` on the monitor; -Infinity when there is none near. */
  before(m: number, x: number): number;
  /** … and of the one next after it; Infinity when there is none near. */
  after(m: number, x: number): number;
}

/** Two equal frames that are less apart than this are told apart by order alone: delays differ by as much. */
const BURST_NS = 5e6;

/**
 * Pairs frames `xs` with copies `ms` (slots; both in order of `time`) and writes for each x the index of its copy in
 * `ms`, or -1, to `partner`. No pair is further apart than `limitNs`.
 *
 * Where there are more frames than copies, those that were lost are the ones whose neighbours went past them, else the
 * ones whose time fits worse; likewise for copies that are too many. `typicalNs` is the delay copies usually have.
 */
export function align(
  time: Float64Array,
  xs: Int32Array,
  xCount: number,
  ms: Int32Array,
  mCount: number,
  partner: Int32Array,
  limitNs: number,
  typicalNs: number,
  neighbours?: Neighbours,
): void {
  let i = 0;
  let j = 0;
  while (i < xCount) {
    partner[i] = -1;
    if (j === mCount) {
      i++;
      continue;
    }
    const x = xs[i]!;
    const m = ms[j]!;
    const delay = time[m]! - time[x]!;
    if (delay > limitNs) {
      i++;
      continue;
    }
    if (delay < -limitNs) {
      j++;
      continue;
    }
    const surplus = xCount - i - (mCount - j);
    if (surplus > 0 && i + 1 < xCount && skipFrame(time, x, xs[i + 1]!, m, typicalNs, neighbours)) {
      i++;
      continue;
    }
    if (surplus < 0 && j + 1 < mCount && skipCopy(time, x, m, ms[j + 1]!, typicalNs, neighbours)) {
      j++;
      continue;
    }
    partner[i++] = j++;
  }
}

function skipFrame(
  time: Float64Array,
  x: number,
  nextX: number,
  m: number,
  typicalNs: number,
  neighbours: Neighbours | undefined,
): boolean {
  const here = time[x]!;
  const next = time[nextX]!;
  if (neighbours) {
    if (here < neighbours.before(m, x) && next <= neighbours.after(m, nextX)) return true;
    if (next > neighbours.after(m, nextX)) return false;
  }
  const copy = time[m]! - typicalNs;
  return next - here > Math.max(BURST_NS, 4 * typicalNs) && Math.abs(copy - next) < Math.abs(copy - here);
}

function skipCopy(
  time: Float64Array,
  x: number,
  m: number,
  nextM: number,
  typicalNs: number,
  neighbours: Neighbours | undefined,
): boolean {
  const here = time[m]!;
  const next = time[nextM]!;
  if (neighbours && neighbours.after(m, x) < time[x]! && neighbours.before(nextM, x) <= time[x]!) return true;
  const due = time[x]! + typicalNs;
  return next - here > Math.max(BURST_NS, 4 * typicalNs) && Math.abs(next - due) < Math.abs(here - due);
}

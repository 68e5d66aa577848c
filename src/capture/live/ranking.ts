/** Order without sorting everything: the rows of one screen out of very many. */

/** Negative when `a` stands before `b`; never 0 for two different rows. */
export type Compare = (a: number, b: number) => number;

/**
 * The rows that stand at ranks `offset` to `offset + count` - 1 among `total` rows. `each` calls back for every row.
 * Keeps the best so far in a buffer that is cut when it is full: one pass, and little memory near both ends of the order.
 */
export function rowsAtRanks(
  each: (visit: (row: number) => void) => void,
  total: number,
  compare: Compare,
  offset: number,
  count: number,
): number[] {
  const from = Math.min(offset, total);
  const to = Math.min(from + count, total);
  if (from + to > total) {
    // Nearer to the end: counted from there.
    const backwards = best(each, (a, b) => compare(b, a), total - from);
    return backwards.slice(total - to).reverse();
  }
  return best(each, compare, to).slice(from);
}

/**
 * The rows of a screen that begins at rank `offset`, or sooner where fewer rows than that follow, and how many rows there are in all.
 * Near the beginning of the order that is one pass.
 */
export function rowsOfScreen(
  each: (visit: (row: number) => void) => void,
  compare: Compare,
  offset: number,
  count: number,
): { readonly rows: number[]; readonly offset: number; readonly total: number } {
  let total = 0;
  const counted = (visit: (row: number) => void): void =>
    each((row) => {
      total++;
      visit(row);
    });
  const wanted = offset + count;
  const first = wanted <= ONE_PASS ? best(counted, compare, wanted) : [];
  if (wanted > ONE_PASS) counted(() => {});
  const from = Math.max(0, Math.min(offset, total - count));
  const rows = wanted <= ONE_PASS ? first.slice(from, from + count) : rowsAtRanks(each, total, compare, from, count);
  return { rows, offset: from, total };
}

/** Rows that are kept in order rather than counted first. */
const ONE_PASS = 2000;

/** The first `wanted` rows in order. */
function best(each: (visit: (row: number) => void) => void, compare: Compare, wanted: number): number[] {
  if (wanted === 0) return [];
  const limit = wanted * 2 + 64;
  let buffer: number[] = [];
  let full = false;
  let worst = 0;
  each((row) => {
    if (full && compare(row, worst) > 0) return;
    buffer.push(row);
    if (buffer.length < limit) return;
    buffer = buffer.sort(compare).slice(0, wanted);
    worst = buffer[wanted - 1]!;
    full = true;
  });
  return buffer.sort(compare).slice(0, wanted);
}

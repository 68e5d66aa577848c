/** A screen as data: lines of styled spans, each line exactly as wide as the screen. The terminal gives styles their look. */

/** What a span means; colour never carries a meaning that the text does not. */
export type Style =
  | "plain"
  | "title"
  | "label"
  | "heading"
  | "dim"
  | "good"
  | "warn"
  | "bad"
  | "selected"
  /** What belongs to the selection: the bytes of a field. */
  | "marked"
  | "key";

export interface Span {
  readonly text: string;
  readonly style: Style;
}

export type Line = readonly Span[];

/** A span; `text` must already be cells (`cells()` in format.ts) where it comes from outside. */
export function span(text: string, style: Style = "plain"): Span {
  return { text, style };
}

/** The text of a line without its styles. */
export function plainText(line: Line): string {
  return line.map((part) => part.text).join("");
}

/**
 * A line of exactly `cols` cells: `left` from the first cell on, `right` at the end of the line where there is room
 * for it besides `left`; what is too long is cut.
 */
export function lineOf(cols: number, left: Line, right: Line = [], fill: Style = "plain"): Line {
  const leftWidth = plainText(left).length;
  const rightWidth = plainText(right).length;
  const shown = rightWidth > 0 && leftWidth + rightWidth + 1 <= cols ? right : [];
  const room = cols - (shown.length > 0 ? rightWidth : 0);
  const parts: Span[] = [];
  let used = 0;
  for (const part of left) {
    const text = part.text.slice(0, room - used);
    if (text.length > 0) parts.push({ text, style: part.style });
    used += text.length;
  }
  if (used < room) parts.push({ text: " ".repeat(room - used), style: fill });
  parts.push(...shown);
  return parts;
}

/** A part of a line that is shown whole or not at all. */
export interface Part {
  readonly spans: Line;
  /** Parts with the greatest number are left out first when the line is short. */
  readonly priority: number;
}

/** The parts that fit into `cols` cells, in their order. */
export function fitParts(cols: number, parts: readonly Part[]): Span[] {
  let shown = parts.filter(({ spans }) => spans.length > 0);
  const width = (): number => shown.reduce((sum, { spans }) => sum + plainText(spans).length, 0);
  while (shown.length > 1 && width() > cols) {
    const least = Math.max(...shown.map(({ priority }) => priority));
    if (least === 0) break;
    const last = shown.findLastIndex(({ priority }) => priority === least);
    shown = shown.filter((_, index) => index !== last);
  }
  return shown.flatMap(({ spans }) => spans);
}

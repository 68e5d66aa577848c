/** Two series around a horizontal axis: dots of braille, two steps and four levels a cell; columns of # where there is only ASCII. */
import type { Glyphs } from "./format.ts";

/** Dots of a braille cell from the bottom up: left column, right column (Unicode 2800). */
const LEFT = [0x40, 0x04, 0x02, 0x01];
const RIGHT = [0x80, 0x20, 0x10, 0x08];

/** Steps that `width` cells hold. */
export function graphSteps(width: number, glyphs: Glyphs): number {
  return glyphs.ascii ? width : width * 2;
}

/**
 * `height` lines of `width` cells above the axis, and as many below: `up` grows upwards, `down` downwards, both on one scale, the newest
 * step on the right.
 */
export function mirroredGraph(
  up: readonly number[],
  down: readonly number[],
  width: number,
  height: number,
  glyphs: Glyphs,
): { readonly above: string[]; readonly below: string[]; readonly top: number } {
  const steps = graphSteps(width, glyphs);
  const newest = (values: readonly number[]): number[] => {
    const last = values.slice(-steps);
    return [...Array.from({ length: steps - last.length }, () => 0), ...last];
  };
  const [upper, lower] = [newest(up), newest(down)];
  const top = [...upper, ...lower].reduce((most, value) => Math.max(most, value), 0);
  const above = half(upper, top, width, height, glyphs, false).reverse();
  return { above, below: half(lower, top, width, height, glyphs, true), top };
}

/** Lines from the axis outwards. */
function half(
  values: readonly number[],
  top: number,
  width: number,
  height: number,
  glyphs: Glyphs,
  hangs: boolean,
): string[] {
  const levels = height * (glyphs.ascii ? 1 : 4);
  const level = (step: number): number => {
    const value = values[step]!;
    return top > 0 && value > 0 ? Math.max(1, Math.round((value / top) * levels)) : 0;
  };
  return Array.from({ length: height }, (_, line) =>
    Array.from({ length: width }, (_, cell) => {
      if (glyphs.ascii) return level(cell) > line ? "#" : " ";
      const left = dots(level(cell * 2) - line * 4, LEFT, hangs);
      const right = dots(level(cell * 2 + 1) - line * 4, RIGHT, hangs);
      return left + right === 0 ? " " : String.fromCharCode(0x2800 + left + right);
    }).join(""),
  );
}

/** The lowest, or where the column hangs the highest, `count` dots of a cell's column. */
function dots(count: number, column: readonly number[], hangs: boolean): number {
  const order = hangs ? column.toReversed() : column;
  return order.slice(0, Math.max(0, count)).reduce((sum, dot) => sum + dot, 0);
}

/** The columns' chooser: all columns of the flow table, those that are shown marked. */
import { COLUMNS } from "../columns.ts";
import { layoutOf } from "../layout.ts";
import type { Model } from "../model.ts";
import { type Line, lineOf, span } from "../styled.ts";

export function renderChooser(model: Model, line: number): Line[] {
  const { cols } = model.size;
  const rows = layoutOf(model).bodyRows - 1;
  const top = Math.max(0, Math.min(line - Math.floor(rows / 2), COLUMNS.length - rows));
  const heading = lineOf(
    cols,
    [span(" COLUMNS of the flow table (the least important go first where the screen is narrow)", "heading")],
    [],
    "heading",
  );
  return [
    heading,
    ...COLUMNS.slice(top, top + rows).map(({ id, title, about }, index) => {
      const mark = model.flows.columns.includes(id) ? "[x]" : "[ ]";
      const style = top + index === line ? "selected" : "plain";
      return lineOf(cols, [span(` ${mark} ${title.padEnd(8)} ${about}`, style)], [], style);
    }),
  ];
}

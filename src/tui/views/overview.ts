/** The overview: how much flows in which direction, who talks, what they speak, how connections fare, and what looks wrong. */
import type { OverviewAnswer, TalkerRow } from "../../capture/live/snapshot.ts";
import { formatBitRate, formatScaled } from "../../core/units.ts";
import { bar, cells, commas, type Glyphs, toWidth, toWidthMiddle } from "../format.ts";
import { graphSteps, mirroredGraph } from "../graph.ts";
import type { Action } from "../keys.ts";
import { layoutOf } from "../layout.ts";
import type { Model } from "../model.ts";
import { ask, type Step } from "../step.ts";
import { type Line, lineOf, type Span, span } from "../styled.ts";
import type { ScreenView } from "./view.ts";

/** Cells before the graph: what its top means. */
const SCALE = 10;
const ROWS = 5;

export const OVERVIEW: ScreenView = {
  title: "Overview",
  query: (model) => ({
    overview: { step: model.step, steps: 2 * model.size.cols, rows: ROWS },
  }),
  render,
  status: ({ step, snapshot }, glyphs) => ({
    left: [
      span(` ${step} s a step`),
      ...(snapshot?.filter ? [span("  flows by filter ", "label"), span(cells(snapshot.filter, glyphs))] : []),
    ],
    right: [],
  }),
  act,
};

function render(model: Model, glyphs: Glyphs): Line[] {
  const { cols } = model.size;
  const answer = model.snapshot?.overview;
  if (!answer) return [lineOf(cols, [span("  waiting for packets ...", "dim")])];
  const { bodyRows } = layoutOf(model);
  const tables = Math.min(ROWS + 1, Math.max(2, bodyRows - 9));
  const warnings = Math.min(Math.max(1, answer.warnings.length), Math.max(1, bodyRows - tables - 7));
  const height = Math.max(1, Math.floor((bodyRows - tables - warnings - 3) / 2));
  return [
    ...graphLines(model, answer, height, glyphs),
    ...warningLines(answer, cols, warnings, glyphs),
    stateLine(model, answer, glyphs),
    ...tableLines(answer, cols, tables, glyphs),
  ];
}

function graphLines(
  { size: { cols }, step }: Model,
  { up, down }: OverviewAnswer,
  height: number,
  glyphs: Glyphs,
): Line[] {
  const width = cols - SCALE - 1;
  const { above, below, top } = mirroredGraph(up, down, width, height, glyphs);
  const scale = (text: string): Span => span(`${text.padStart(SCALE - 1)} `, "dim");
  const peak = top > 0 ? formatBitRate(Math.round(top)) : "";
  const shown = Math.min(graphSteps(width, glyphs), Math.max(up.length, down.length)) * step;
  const axis = `${glyphs.rule.repeat(Math.max(0, width - 12))} last ${shown}s `;
  return [
    ...above.map((text, index) =>
      lineOf(cols, [
        scale(index === 0 ? peak : index === above.length - 1 ? `orig ${glyphs.arrow}` : ""),
        span(text, "good"),
      ]),
    ),
    lineOf(cols, [scale("0"), span(axis, "dim")]),
    ...below.map((text, index) =>
      lineOf(cols, [
        scale(index === below.length - 1 && index > 0 ? peak : index === 0 ? `resp ${glyphs.back}` : ""),
        span(text, "label"),
      ]),
    ),
  ];
}

function warningLines({ warnings }: OverviewAnswer, cols: number, rows: number, glyphs: Glyphs): Line[] {
  if (warnings.length === 0) return [lineOf(cols, [span(" nothing looks wrong", "dim")])];
  return warnings.slice(0, rows).map((text) => lineOf(cols, [span(" ! ", "bad"), span(cells(text, glyphs), "warn")]));
}

function stateLine({ size: { cols } }: Model, { states, begun, ended, live }: OverviewAnswer, glyphs: Glyphs): Line {
  const shown = states.map(([state, flows]) => `${cells(state, glyphs)} ${commas(flows)}`).join("  ");
  return lineOf(cols, [
    span(" FLOWS ", "label"),
    span(`${commas(live)} live  +${commas(begun)} -${commas(ended)} a second  `),
    span("STATES ", "label"),
    span(shown || "-"),
  ]);
}

/** Two small tables next to each other; below 80 columns one. */
function tableLines({ hosts, apps }: OverviewAnswer, cols: number, rows: number, glyphs: Glyphs): Line[] {
  const both = cols >= 80;
  const width = both ? Math.floor((cols - 1) / 2) : cols;
  const table = (title: string, talkers: readonly TalkerRow[]): Span[][] => [
    [span(toWidth(` ${title}`, width, glyphs), "heading")],
    ...talkers.map((row) => talkerSpans(row, width, glyphs)),
  ];
  const left = table("TOP HOSTS", hosts);
  const right = table("TOP APPLICATIONS", apps);
  return Array.from({ length: rows }, (_, index) => {
    const one = lineOf(width, left[index] ?? []);
    return lineOf(cols, both ? [...one, span(" "), ...lineOf(width, right[index] ?? [])] : one);
  });
}

function talkerSpans(row: TalkerRow, width: number, glyphs: Glyphs): Span[] {
  const bars = Math.max(4, Math.min(12, width - 45));
  const name = Math.max(10, width - bars - 25);
  return [
    span(` ${toWidthMiddle(cells(row.name, glyphs), name, glyphs)} `),
    span(formatScaled(row.sentBytes + row.receivedBytes, "B").padStart(7)),
    span(formatBitRate(Math.round(row.rateBps)).padStart(9)),
    span(` ${bar(row.share, bars, glyphs)} `, "good"),
    span(`${Math.round(row.share * 100)}%`.padStart(4)),
  ];
}

function act(model: Model, action: Action): Step | null {
  if (action === "next-part" || action === "previous-part") return ask({ ...model, step: model.step === 1 ? 10 : 1 });
  if (action === "back") return ask({ ...model, filter: "" });
  return null;
}

/** The mirrors screen: the way of the mirrored packets stage by stage, with the source and age of each number. */

import { formatScaled } from "../../core/units.ts";
import type { MirrorFunnel, MirrorStage } from "../../mirror/status.ts";
import { cells, commas, type Glyphs, shortDuration, toWidth } from "../format.ts";
import { layoutOf } from "../layout.ts";
import type { Model } from "../model.ts";
import { type Line, lineOf, type Span, span } from "../styled.ts";
import { VERDICT_STYLES, verdictText, waitingText } from "./header.ts";
import type { ScreenView } from "./view.ts";

export const MIRRORS: ScreenView = {
  title: "Mirrors",
  query: () => ({}),
  render,
  status: ({ strip }) => ({ left: strip ? [] : [span(" no mirror is watched", "dim")], right: [] }),
  act: () => null,
};

/** What the capture is given the benefit of, as OVS's count is late (jobs/mirror-judge.ts). */
const SLACK = "2.5s before to 0.5s after";

/** What each verdict means, next to it. */
const MEANINGS = {
  OK: "all that OVS mirrored was captured, as far as two of its counts can show",
  LOSS: "packets that OVS mirrored were not captured",
  WAIT: "OVS has not counted all that was captured: 5 to 10 seconds",
  STALE: "OVS has not been heard of for 15 seconds, or OVSDB cannot be reached",
  "NO TRAFFIC": "OVS mirrored nothing between its last two counts",
  "N/A": "the counts mean different things",
  DELETED: "the mirror is no longer in OVSDB: nothing is copied any more",
} as const;

function render(model: Model, glyphs: Glyphs): Line[] {
  const { cols } = model.size;
  const { strip, funnel, subject } = model;
  if (!strip || !funnel) {
    const why = !subject.live
      ? "a file says nothing of the mirror it came from"
      : subject.mirrored
        ? "asking OVS ..."
        : `no mirror ends at ${cells(subject.target, glyphs)}: what is captured here is the port's own traffic`;
    return [lineOf(cols, [span(`  ${why}`, "dim")]), ...stageLines(model, glyphs)];
  }
  const { compared } = strip;
  // On a short screen the stages matter most.
  const blank = layoutOf(model).bodyRows >= 14 ? [lineOf(cols, [])] : [];
  const pair =
    compared === null
      ? `not compared yet: ${waitingText(strip)}`
      : `OVS ${commas(compared.mirrored)}, captured ${commas(compared.captured)} (from ${SLACK} that span), ${shortDuration(compared.ageMs)} ago`;
  return [
    lineOf(cols, [
      span(` ${cells(strip.name, glyphs)}  `, "title"),
      span(cells(strip.sources, glyphs)),
      span("  "),
      span(verdictText(strip), VERDICT_STYLES[strip.verdict]),
    ]),
    lineOf(cols, [
      span(` ${strip.reason === undefined ? MEANINGS[strip.verdict] : cells(strip.reason, glyphs)}`, "dim"),
    ]),
    ...(blank.length > 0 ? [lineOf(cols, [span(` ${pair}`)])] : []),
    ...blank,
    ...stageLines(model, glyphs),
    ...blank,
    ...factLines(funnel, cols, glyphs),
    ...funnel.warnings.map((text) => lineOf(cols, [span(" ! ", "bad"), span(cells(text, glyphs), "warn")])),
  ];
}

function stageLines(model: Model, glyphs: Glyphs): Line[] {
  const { cols } = model.size;
  const stages = model.funnel?.stages ?? [];
  if (stages.length === 0) return [];
  const wide = cols >= 100;
  const title = wide ? 30 : Math.max(20, cols - 36);
  const heading = ` ${"STAGE".padEnd(title)} ${"PACKETS".padStart(13)} ${"BYTES".padStart(7)} ${"DROPPED".padStart(9)}${wide ? "   AGE  SOURCE OF THE NUMBER" : ""}`;
  return [
    lineOf(cols, [span(heading, "heading")], [], "heading"),
    ...stages.map((stage, index) => lineOf(cols, stageSpans(stage, index, title, wide, glyphs))),
  ];
}

function stageSpans(stage: MirrorStage, index: number, title: number, wide: boolean, glyphs: Glyphs): Span[] {
  const { packets, bytes, dropped, source, ageMs } = stage;
  const number = (value: number | null, width: number): string =>
    (value === null ? "-" : commas(value)).padStart(width);
  return [
    span(` ${toWidth(`${index + 1} ${cells(stage.title, glyphs)}`, title, glyphs)} `),
    span(number(packets, 13)),
    span(` ${(bytes === null ? "-" : formatScaled(bytes, "B")).padStart(7)}`),
    span(` ${number(dropped, 9)}`, (dropped ?? 0) > 0 ? "bad" : "plain"),
    ...(wide
      ? [
          span(` ${(ageMs === null ? "now" : shortDuration(ageMs)).padStart(5)}`, "dim"),
          span(`  ${cells(source, glyphs)}`, "dim"),
        ]
      : []),
  ];
}

function factLines({ facts }: MirrorFunnel, cols: number, glyphs: Glyphs): Line[] {
  const lines: Span[][] = [[]];
  let used = 0;
  for (const [name, value] of facts) {
    const spans = [span(` ${cells(name, glyphs)} `, "label"), span(`${cells(value, glyphs)} `)];
    const width = spans.reduce((sum, { text }) => sum + text.length, 0);
    if (used + width > cols && used > 0) {
      lines.push([]);
      used = 0;
    }
    lines.at(-1)!.push(...spans);
    used += width;
  }
  return lines.map((spans) => lineOf(cols, spans));
}

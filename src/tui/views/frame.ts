/** The whole screen: `render(model, glyphs)` gives exactly `rows` lines of exactly `cols` cells. */
import { sortTitle } from "../columns.ts";
import { commas, type Glyphs } from "../format.ts";
import { BINDINGS } from "../keys.ts";
import { layoutOf, MIN_SIZE } from "../layout.ts";
import type { Model } from "../model.ts";
import { type Line, lineOf, type Span, span } from "../styled.ts";
import { renderDetail } from "./detail.ts";
import { renderFlows } from "./flows.ts";
import { renderHeader } from "./header.ts";

export function render(model: Model, glyphs: Glyphs): Line[] {
  const lines = layoutOf(model).tooSmall
    ? renderTooSmall(model)
    : model.help
      ? renderHelp(model, glyphs)
      : renderMain(model, glyphs);
  const { cols, rows } = model.size;
  return Array.from({ length: rows }, (_, index) => lines[index] ?? lineOf(cols, []));
}

function renderMain(model: Model, glyphs: Glyphs): Line[] {
  const rule = lineOf(model.size.cols, [span(glyphs.rule.repeat(model.size.cols), "dim")]);
  return [
    ...renderHeader(model, glyphs),
    rule,
    ...renderFlows(model, glyphs),
    ...renderDetail(model, glyphs),
    rule,
    renderStatus(model, glyphs),
    renderFooter(model),
  ];
}

function renderTooSmall({ size: { cols, rows } }: Model): Line[] {
  const words = ["terminal too small", `need ${MIN_SIZE.cols}x${MIN_SIZE.rows}, have ${cols}x${rows}`, "q quits"];
  return words.map((text) => lineOf(cols, [span(text, "warn")]));
}

function renderStatus(model: Model, glyphs: Glyphs): Line {
  const { snapshot, size } = model;
  const rows = Math.min(snapshot?.rows.length ?? 0, layoutOf(model).tableRows);
  const sort = [
    span("sort ", "label"),
    span(`${sortTitle(model.sort)} ${model.descending ? glyphs.down : glyphs.up} `),
  ];
  if (!snapshot || rows === 0) return lineOf(size.cols, [], sort);
  const range = `${commas(snapshot.offset + 1)}-${commas(snapshot.offset + rows)}`;
  const held = snapshot.scrollable < snapshot.flows ? ` (${commas(snapshot.scrollable)} held)` : "";
  return lineOf(size.cols, [span(` flows ${range} of ${commas(snapshot.flows)}${held}`)], sort);
}

function renderFooter({ size: { cols }, pausedMs }: Model): Line {
  const parts: Span[] = [span(" ")];
  for (const { action, shown, footer } of BINDINGS) {
    if (footer === undefined) continue;
    const word = action === "pause" && pausedMs !== null ? "resume" : footer;
    parts.push(span(shown.split(" ")[0]!, "key"), span(` ${word}   `));
  }
  return lineOf(cols, parts);
}

/** The help overlay: the action table, scrolled by the movement keys when the screen is short. */
function renderHelp({ size: { cols, rows }, helpOffset }: Model, glyphs: Glyphs): Line[] {
  const heading = lineOf(cols, [span(" tapscope keys", "title")], [span(`Esc closes ${glyphs.back} `, "dim")]);
  const body = BINDINGS.map(({ shown, help }) =>
    lineOf(cols, [span(`  ${shown.padEnd(10)}`, "key"), span(` ${help}`)]),
  );
  const rule = lineOf(cols, [span(glyphs.rule.repeat(cols), "dim")]);
  return [heading, rule, ...body.slice(helpOffset, helpOffset + rows - 2)];
}

/** The whole screen: `render(model, glyphs)` gives exactly `rows` lines of exactly `cols` cells. */
import { sortTitle } from "../columns.ts";
import { cells, commas, type Glyphs } from "../format.ts";
import { BINDINGS } from "../keys.ts";
import { layoutOf, MIN_SIZE } from "../layout.ts";
import type { Model } from "../model.ts";
import { type Line, lineOf, plainText, type Span, span } from "../styled.ts";
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
  if (model.prompt !== null) return renderPrompt(model, model.prompt, glyphs);
  const rows = Math.min(snapshot?.rows.length ?? 0, layoutOf(model).tableRows);
  const sort = [
    span("sort ", "label"),
    span(`${sortTitle(model.sort)} ${model.descending ? glyphs.down : glyphs.up} `),
  ];
  const filter = snapshot?.filter ? [span("  filter ", "label"), span(cells(snapshot.filter, glyphs))] : [];
  if (!snapshot || rows === 0) return lineOf(size.cols, filter, sort);
  const range = `${commas(snapshot.offset + 1)}-${commas(snapshot.offset + rows)}`;
  const some = snapshot.scrollable < snapshot.flows;
  const word = snapshot.filter === "" ? "held" : "match";
  const matching = some || snapshot.filter !== "" ? ` (${commas(snapshot.scrollable)} ${word})` : "";
  return lineOf(size.cols, [span(` flows ${range} of ${commas(snapshot.flows)}${matching}`), ...filter], sort);
}

/** The filter being typed, its end always in sight, and what is wrong with it or how many flows match. */
function renderPrompt({ size: { cols }, snapshot }: Model, prompt: string, glyphs: Glyphs): Line {
  const error = snapshot?.filterError ?? null;
  const found = snapshot ? `${commas(snapshot.scrollable)} of ${commas(snapshot.flows)} match ` : "";
  const note = error === null ? span(found, "dim") : span(`${cells(error, glyphs).slice(0, cols - 20)} `, "bad");
  const room = cols - note.text.length - 6;
  const shown = cells(prompt, glyphs);
  return lineOf(cols, [span(" /", "key"), span(shown.slice(-room)), span("_", "dim"), span("  ")], [note]);
}

function renderFooter({ size: { cols }, pausedMs }: Model): Line {
  const words = (gap: string): Span[] =>
    BINDINGS.flatMap(({ action, shown, footer }) => {
      if (footer === undefined) return [];
      const word = action === "pause" && pausedMs !== null ? "resume" : footer;
      return [span(shown.split(" ")[0]!, "key"), span(` ${word}${gap}`)];
    });
  const wide = [span(" "), ...words("   ")];
  return lineOf(cols, plainText(wide).trimEnd().length <= cols ? wide : [span(" "), ...words(" ")]);
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

/** The whole screen: `render(model, glyphs)` gives exactly `rows` lines of exactly `cols` cells. */
import { cells, type Glyphs } from "../format.ts";
import { bindingsOf } from "../keys.ts";
import { layoutOf, MIN_SIZE } from "../layout.ts";
import { type Model, SCREEN_IDS } from "../model.ts";
import { SCREENS } from "../screens.ts";
import { type Line, lineOf, plainText, type Span, span } from "../styled.ts";
import { renderChooser } from "./chooser.ts";
import { renderHeader } from "./header.ts";
import { renderPrompt } from "./prompt.ts";

const TITLES = SCREEN_IDS.map((id) => SCREENS[id].title);

export function render(model: Model, glyphs: Glyphs): Line[] {
  const lines = layoutOf(model).tooSmall
    ? renderTooSmall(model)
    : model.help !== null
      ? renderHelp(model, model.help, glyphs)
      : renderMain(model, glyphs);
  const { cols, rows } = model.size;
  return Array.from({ length: rows }, (_, index) => lines[index] ?? lineOf(cols, []));
}

function renderMain(model: Model, glyphs: Glyphs): Line[] {
  const { cols } = model.size;
  const { bodyRows } = layoutOf(model);
  const rule = lineOf(cols, [span(glyphs.rule.repeat(cols), "dim")]);
  const body =
    model.chooser === null ? SCREENS[model.screen].render(model, glyphs) : renderChooser(model, model.chooser);
  return [
    ...renderHeader(model, TITLES, glyphs),
    rule,
    ...Array.from({ length: bodyRows }, (_, index) => body[index] ?? lineOf(cols, [])),
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
  const { size, prompt, notice } = model;
  if (prompt !== null) return renderPrompt(model, prompt, glyphs);
  if (notice) return lineOf(size.cols, [span(` ${cells(notice.text, glyphs)}`, notice.failed ? "bad" : "good")]);
  const { left, right } = SCREENS[model.screen].status(model, glyphs);
  return lineOf(size.cols, left, right);
}

/** As many words of the screen's keys as fit, `?` and `q` always among them. */
function renderFooter({ size: { cols }, screen, pausedMs, snapshot, prompt, chooser }: Model): Line {
  if (prompt !== null)
    return lineOf(cols, [
      span(" Enter", "key"),
      span(" take   "),
      span("Tab", "key"),
      span(" complete   "),
      span("Esc", "key"),
      span(" close"),
    ]);
  if (chooser !== null)
    return lineOf(cols, [span(" Space", "key"), span(" show or hide   "), span("Esc", "key"), span(" done")]);
  const words = bindingsOf(screen).flatMap(({ action, shown, footer }) => {
    if (footer === undefined) return [];
    const held = pausedMs !== null || snapshot?.reading?.paused;
    const word =
      action === "pause" && held ? "resume" : action === "record" && snapshot?.recording ? "stop recording" : footer;
    return [
      { always: action === "help" || action === "quit", spans: [span(shown.split(" ")[0]!, "key"), span(` ${word}`)] },
    ];
  });
  let shown = words;
  const width = (gap: number): number => shown.reduce((sum, { spans }) => sum + plainText(spans).length + gap, 1 - gap);
  while (width(1) > cols) {
    const last = shown.findLastIndex(({ always }) => !always);
    if (last < 0) break;
    shown = shown.filter((_, index) => index !== last);
  }
  const gap = width(3) <= cols ? "   " : " ";
  return lineOf(cols, [
    span(" "),
    ...shown.flatMap(({ spans }, index): Span[] => (index === 0 ? spans : [span(gap), ...spans])),
  ]);
}

/** The help overlay: the keys of this screen, scrolled by the movement keys when the screen is short. */
function renderHelp({ size: { cols, rows }, screen }: Model, from: number, glyphs: Glyphs): Line[] {
  const title = SCREENS[screen].title.toLowerCase();
  const heading = lineOf(
    cols,
    [span(` tapscope keys: ${title}`, "title")],
    [span(`Esc closes ${glyphs.back} `, "dim")],
  );
  const body = bindingsOf(screen).map(({ shown, help }) =>
    lineOf(cols, [span(`  ${shown.padEnd(10)}`, "key"), span(` ${help}`)]),
  );
  const rule = lineOf(cols, [span(glyphs.rule.repeat(cols), "dim")]);
  return [heading, rule, ...body.slice(from, from + rows - 2)];
}

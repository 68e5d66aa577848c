/** The one place where the model changes: `update(model, event)` is pure; what must happen outside comes back as effects. */
import type { Snapshot } from "../capture/live/snapshot.ts";
import { SORTABLE } from "./columns.ts";
import { type Action, actionOf, BINDINGS } from "./keys.ts";
import { layoutOf } from "./layout.ts";
import { cursorRank, type MirrorStrip, type Model, type Size } from "./model.ts";

export type Event =
  /** `text`: what the key writes, where it writes something. */
  | { readonly type: "key"; readonly key: string; readonly text?: string }
  | { readonly type: "resize"; readonly size: Size }
  | { readonly type: "snapshot"; readonly snapshot: Snapshot }
  | { readonly type: "strip"; readonly strip: MirrorStrip }
  | { readonly type: "tick"; readonly nowMs: number };

/** `request`: ask the worker for `viewRequest(model)`. */
export type Effect = "request" | "quit" | "suspend" | "repaint";

export interface Step {
  readonly model: Model;
  readonly effects: readonly Effect[];
}

const NOTHING: readonly Effect[] = [];
/** Keys that do at the prompt what they do everywhere. */
const ALWAYS: ReadonlySet<string> = new Set(["C-c", "C-l", "C-z"]);
/** Longer filters are not typed by hand. */
const MAX_FILTER = 1000;

export function update(model: Model, event: Event): Step {
  switch (event.type) {
    case "key": {
      if (model.prompt !== null && !ALWAYS.has(event.key)) return edit(model, model.prompt, event.key, event.text);
      const action = actionOf(event.key);
      return action ? act(model, action) : { model, effects: NOTHING };
    }
    case "resize":
      return ask(inView({ ...model, size: event.size }));
    case "snapshot":
      return receive(model, event.snapshot);
    case "strip":
      // The strip stands beside the snapshot's counts: it is held together with them.
      return { model: model.pausedMs === null ? { ...model, strip: event.strip } : model, effects: NOTHING };
    case "tick":
      return { model: { ...model, nowMs: event.nowMs, seq: model.seq + 1 }, effects: ["request"] };
  }
}

/** Requests what the screen shows after the view has changed: answers to earlier requests are then out of date. */
function ask(model: Model): Step {
  const seq = model.seq + 1;
  return { model: { ...model, seq, viewSeq: seq }, effects: ["request"] };
}

function receive(model: Model, snapshot: Snapshot): Step {
  // An answer to a request that the user has already scrolled or sorted away from.
  if (snapshot.seq < model.viewSeq) return { model, effects: NOTHING };
  // While held, only the rows change: the totals stay those of the moment.
  const held = model.pausedMs !== null && model.snapshot ? model.snapshot : snapshot;
  const { seq, scrollable, offset, rows, selected } = snapshot;
  const { filter, filterError } = snapshot;
  const next = inView(
    judged({
      ...model,
      selected: model.selected && selected ? { id: selected.row.id } : null,
      snapshot: { ...held, seq, scrollable, offset, rows, selected, filter, filterError },
    }),
  );
  // The followed flow has moved beyond the rows that were asked for, or fewer rows are left than the offset.
  return next.offset === model.offset ? { model: next, effects: NOTHING } : ask(next);
}

/** Scrolls so that the cursor is on screen and no screenful lies beyond the last flow. */
function inView(model: Model): Model {
  const { tableRows } = layoutOf(model);
  const last = Math.max(0, (model.snapshot?.scrollable ?? 0) - tableRows);
  let offset = Math.min(model.offset, last);
  if (model.selected !== null) {
    const rank = cursorRank(model);
    if (rank < offset) offset = rank;
    else if (rank >= offset + tableRows) offset = rank - tableRows + 1;
  }
  return offset === model.offset ? model : { ...model, offset };
}

function act(model: Model, action: Action): Step {
  if (action === "quit") return { model, effects: ["quit"] };
  if (action === "suspend") return { model, effects: ["suspend"] };
  if (action === "repaint") return { model, effects: ["repaint"] };
  if (model.help) return { model: actInHelp(model, action), effects: NOTHING };
  const page = layoutOf(model).tableRows;
  switch (action) {
    case "help":
      return { model: { ...model, help: true, helpOffset: 0 }, effects: NOTHING };
    case "down":
      return move(model, 1);
    case "up":
      return move(model, -1);
    case "page-down":
      return move(model, page);
    case "page-up":
      return move(model, -page);
    case "half-page-down":
      return move(model, Math.ceil(page / 2));
    case "half-page-up":
      return move(model, -Math.ceil(page / 2));
    case "first":
      return ask({ ...model, offset: 0, selected: null });
    case "last":
      return move(model, Number.POSITIVE_INFINITY);
    case "detail":
      return toggleDetail(model);
    case "back":
      if (model.detail) return ask({ ...model, detail: false });
      return ask({ ...model, filter: "", offset: 0, selected: model.filter === "" ? null : model.selected });
    case "filter":
      return { model: { ...model, prompt: model.filter }, effects: NOTHING };
    case "sort-next":
      return sortBy(model, 1);
    case "sort-previous":
      return sortBy(model, -1);
    case "sort-reverse":
      return ask({ ...model, descending: !model.descending });
    case "pause":
      return ask({ ...model, pausedMs: model.pausedMs === null ? model.nowMs : null });
  }
}

/** A key at the prompt. The filter is tried as it is typed; a wrong one is not taken. */
function edit(model: Model, prompt: string, key: string, text: string | undefined): Step {
  if (key === "escape") return tryFilter({ ...model, prompt: null });
  if (key === "enter") {
    const wrong = isWrong(model);
    return {
      model: wrong ? model : { ...model, filter: prompt, filterBefore: model.filter, prompt: null },
      effects: NOTHING,
    };
  }
  if (key === "backspace") return tryFilter({ ...model, prompt: Array.from(prompt).slice(0, -1).join("") });
  if (key === "C-u") return tryFilter({ ...model, prompt: "" });
  if (text === undefined || prompt.length + text.length > MAX_FILTER) return { model, effects: NOTHING };
  return tryFilter({ ...model, prompt: prompt + text });
}

function tryFilter(model: Model): Step {
  return ask({ ...model, offset: 0 });
}

/** Whether the worker has found fault with the filter as it stands. */
function isWrong({ snapshot, viewSeq }: Model): boolean {
  return snapshot !== null && snapshot.seq >= viewSeq && snapshot.filterError !== null;
}

/** Entered before the worker had judged it, a wrong filter comes back to the prompt. */
function judged(model: Model): Model {
  if (model.prompt !== null || !isWrong(model)) return model;
  return { ...model, prompt: model.filter, filter: model.filterBefore };
}

function actInHelp(model: Model, action: Action): Model {
  const last = Math.max(0, BINDINGS.length + 2 - model.size.rows);
  const by = { down: 1, up: -1, "page-down": model.size.rows - 2, "page-up": 2 - model.size.rows }[action as "down"];
  if (by !== undefined) return { ...model, helpOffset: Math.min(last, Math.max(0, model.helpOffset + by)) };
  return action === "help" || action === "back" ? { ...model, help: false } : model;
}

/** Moves the cursor: it takes hold of the flow there at once where that row is known, else when the answer brings it. */
function move(model: Model, by: number): Step {
  const { snapshot } = model;
  if (!snapshot || snapshot.scrollable === 0) return { model, effects: NOTHING };
  const rank = Math.min(snapshot.scrollable - 1, Math.max(0, cursorRank(model) + by));
  const row = snapshot.rows[rank - snapshot.offset];
  if (!row) return ask(inView({ ...model, selected: { rank } }));
  return ask(inView({ ...model, selected: { id: row.id }, snapshot: { ...snapshot, selected: { rank, row } } }));
}

/** Opens the detail of the flow under the cursor, which it then follows; or closes it. */
function toggleDetail(model: Model): Step {
  if (model.detail) return ask({ ...model, detail: false });
  const row = model.snapshot?.rows[cursorRank(model) - model.snapshot.offset];
  if (!row) return { model, effects: NOTHING };
  const held = move(model, 0).model;
  return ask(inView({ ...held, detail: true }));
}

function sortBy(model: Model, step: 1 | -1): Step {
  const at = SORTABLE.findIndex(({ sort }) => sort === model.sort);
  const next = SORTABLE[(at + step + SORTABLE.length) % SORTABLE.length]!;
  return ask({ ...model, sort: next.sort, descending: next.numeric, offset: 0 });
}

/** The one place where the model changes: `update(model, event)` is pure; what must happen outside comes back as effects. */
import type { ActionResult } from "../capture/live/messages.ts";
import type { Snapshot } from "../capture/live/snapshot.ts";
import type { MirrorFunnel, MirrorStatus } from "../mirror/status.ts";
import { COLUMNS, grownWidths } from "./columns.ts";
import { UNICODE } from "./format.ts";
import { type Action, actionOf, bindingsOf } from "./keys.ts";
import { type Model, SCREEN_IDS, type ScreenId, type Size } from "./model.ts";
import { isWrong, openPrompt, stamp, typeKey } from "./prompts.ts";
import { SCREENS } from "./screens.ts";
import { ask, type Step, say, stay } from "./step.ts";
import { resized, settled } from "./views/flows.ts";
import { settledPackets } from "./views/packets.ts";

export type Event =
  /** `text`: what the key writes, where it writes something. */
  | { readonly type: "key"; readonly key: string; readonly text?: string }
  | { readonly type: "resize"; readonly size: Size }
  | { readonly type: "snapshot"; readonly snapshot: Snapshot }
  | { readonly type: "strip"; readonly strip: MirrorStatus; readonly funnel: MirrorFunnel }
  | { readonly type: "result"; readonly result: ActionResult }
  | { readonly type: "tick"; readonly nowMs: number };

/** Keys that do at the prompt what they do everywhere. */
const ALWAYS: ReadonlySet<string> = new Set(["C-c", "C-l", "C-z"]);
const SLOWEST = 1 / 16;
const FASTEST = 1024;

export function update(model: Model, event: Event): Step {
  switch (event.type) {
    case "key":
      return press(model, event.key, event.text);
    case "resize":
      return ask(resized({ ...model, size: event.size, flows: { ...model.flows, widths: {} } }));
    case "snapshot":
      return receive(model, event.snapshot);
    case "strip":
      // The strip stands next to the snapshot's counts: it is held together with them.
      return stay(model.pausedMs === null ? { ...model, strip: event.strip, funnel: event.funnel } : model);
    case "result":
      return stay(say(model, event.result.text, event.result.failed));
    case "tick":
      return tick(model, event.nowMs);
  }
}

function tick(model: Model, nowMs: number): Step {
  const notice = model.notice && model.notice.untilMs > nowMs ? model.notice : null;
  return { model: { ...model, nowMs, notice, seq: model.seq + 1 }, effects: [{ type: "request" }] };
}

function receive(model: Model, snapshot: Snapshot): Step {
  // An answer to a request that the user has already scrolled or sorted away from.
  if (snapshot.seq < model.viewSeq) return stay(model);
  // While held, only the rows change: the totals stay those of the moment.
  const held = model.pausedMs !== null && model.snapshot ? model.snapshot : snapshot;
  const { seq, filter, filterError, flows, packetList } = snapshot;
  const { talkers, overview } = model.pausedMs !== null && model.snapshot ? keptOf(model.snapshot, snapshot) : snapshot;
  let next: Model = {
    ...model,
    snapshot: { ...held, seq, filter, filterError, flows, packetList, talkers, overview },
  };
  if (flows) {
    next = settled(next, flows);
    const context = { glyphs: UNICODE, learnedNames: next.flows.learnedNames };
    const widths = grownWidths(next.flows.widths, flows.rows, context);
    if (widths !== next.flows.widths) next = { ...next, flows: { ...next.flows, widths } };
  }
  if (packetList) next = settledPackets(next, packetList);
  if (talkers) {
    const line = Math.max(0, Math.min(next.talkers.line, talkers.rows.length - 1));
    if (line !== next.talkers.line || talkers.offset !== next.talkers.offset) {
      next = { ...next, talkers: { ...next.talkers, line, offset: talkers.offset } };
    }
  }
  return stay(judged(next));
}

/** What has no rows to scroll through stays as it was; what was not on screen when it was held is new. */
function keptOf(before: Snapshot, now: Snapshot): Pick<Snapshot, "talkers" | "overview"> {
  return { talkers: before.talkers ?? now.talkers, overview: before.overview ?? now.overview };
}

/** Entered before the worker had judged it, a wrong filter comes back to the prompt. */
function judged(model: Model): Model {
  if (model.prompt !== null || model.filter === model.filterBefore || !isWrong(model)) return model;
  return openPrompt({ ...model, filter: model.filterBefore }, "filter", model.filter);
}

function press(model: Model, key: string, text: string | undefined): Step {
  if (model.prompt !== null && !ALWAYS.has(key)) return typeKey(model, model.prompt, key, text);
  if (model.chooser !== null && !ALWAYS.has(key)) return choose(model, model.chooser, key);
  const action = actionOf(model.screen, key);
  if (action !== undefined) return act(model, action);
  if (model.help !== null) return stay(model);
  // Keys without meaning say so rather than nothing; those that write nothing are the terminal's own reports.
  if (text === undefined) return stay(model);
  const elsewhere = SCREEN_IDS.filter((screen) => actionOf(screen, key) !== undefined);
  const where = elsewhere.length > 0 ? ` on this screen (only on ${elsewhere.join(", ")})` : "";
  return stay(say(model, `${text} does nothing${where}; ? shows the keys`, true));
}

function act(model: Model, action: Action): Step {
  if (action === "quit") {
    const { recording } = model.snapshot ?? {};
    // One key must not end a recording by mistake.
    if (recording && !model.notice?.text.startsWith("recording goes on")) {
      return stay(say(model, `recording goes on to ${recording.path}: press q again to stop and quit`, true));
    }
    return { model, effects: [{ type: "quit" }] };
  }
  if (action === "suspend") return { model, effects: [{ type: "suspend" }] };
  if (action === "repaint") return { model, effects: [{ type: "repaint" }] };
  if (model.help !== null) return stay(actInHelp(model, action, model.help));
  if ((SCREEN_IDS as readonly string[]).includes(action)) return goTo(model, action as ScreenId);
  const own = SCREENS[model.screen].act(model, action);
  if (own) return own;
  switch (action) {
    case "next-screen":
      return turn(model, 1);
    case "previous-screen":
      return turn(model, -1);
    case "help":
      return stay({ ...model, help: 0 });
    case "back":
      return model.filter === "" ? stay(model) : ask({ ...model, filter: "" });
    case "filter":
      return stay(openPrompt(model, "filter", model.filter));
    case "capture-filter":
      if (!model.subject.live)
        return stay(say(model, "a file has been captured already: / filters what is shown", true));
      return stay(openPrompt(model, "capture-filter", model.snapshot?.bpf ?? ""));
    case "save":
      return stay(openPrompt(model, "save", defaultSave(model)));
    case "export":
      return stay(openPrompt(model, "export", "csv"));
    case "record":
      return record(model);
    case "pause":
      return pause(model);
    case "slower":
    case "faster":
      return speed(model, action === "faster" ? 2 : 0.5);
    case "jump":
      if (!model.subject.played)
        return stay(say(model, "only a file that is played (--play) has another time to go to", true));
      return stay(openPrompt(model, "jump", ""));
    default:
      return stay(model);
  }
}

function goTo(model: Model, screen: ScreenId): Step {
  return screen === model.screen ? stay(model) : ask({ ...model, screen });
}

function turn(model: Model, by: 1 | -1): Step {
  const at = SCREEN_IDS.indexOf(model.screen) + by + SCREEN_IDS.length;
  return goTo(model, SCREEN_IDS[at % SCREEN_IDS.length]!);
}

function defaultSave({ screen, packets, filter }: Model): string {
  if (screen === "flows" || packets.scope.of === "flow") return "flow";
  return filter === "" ? "last 30s" : "filtered";
}

function record(model: Model): Step {
  const isRecording = model.snapshot?.recording != null;
  const path = isRecording ? null : `tapscope-${stamp(model.nowMs)}.pcapng`;
  return { model, effects: [{ type: "capture", action: { type: "record", path } }] };
}

/** A played file stands still; else the screen is held while the capture goes on. */
function pause(model: Model): Step {
  const pausedMs = model.pausedMs === null ? model.nowMs : null;
  if (!model.subject.played) return ask({ ...model, pausedMs });
  const paused = !(model.snapshot?.reading?.paused ?? false);
  return { model, effects: [{ type: "capture", action: { type: "play", paused } }] };
}

function speed(model: Model, factor: number): Step {
  const now = model.snapshot?.reading?.speed ?? 0;
  if (!model.subject.played || now === 0) {
    return stay(say(model, "only a file that is played (--play) has a speed", true));
  }
  const next = Math.max(SLOWEST, Math.min(FASTEST, now * factor));
  return { model, effects: [{ type: "capture", action: { type: "play", speed: next } }] };
}

/** Lines of the help of a screen. */
export function helpLength({ screen }: Pick<Model, "screen">): number {
  return bindingsOf(screen).length;
}

function actInHelp(model: Model, action: Action, from: number): Model {
  const page = model.size.rows - 2;
  const last = Math.max(0, helpLength(model) - page);
  const by = { down: 1, up: -1, "page-down": page, "page-up": -page }[action as "down"];
  if (by !== undefined) return { ...model, help: Math.min(last, Math.max(0, from + by)) };
  return action === "help" || action === "back" ? { ...model, help: null } : model;
}

/** Keys of the columns' chooser. */
function choose(model: Model, line: number, key: string): Step {
  const { flows } = model;
  switch (key) {
    case "down":
    case "j":
      return stay({ ...model, chooser: Math.min(COLUMNS.length - 1, line + 1) });
    case "up":
    case "k":
      return stay({ ...model, chooser: Math.max(0, line - 1) });
    case "space": {
      const { id } = COLUMNS[line]!;
      const has = flows.columns.includes(id);
      // One column must stay.
      if (has && flows.columns.length === 1) return stay(model);
      const columns = has ? flows.columns.filter((other) => other !== id) : [...flows.columns, id];
      return stay({ ...model, flows: { ...flows, columns } });
    }
    case "escape":
    case "enter":
    case "c":
    case "q":
      return { model: { ...model, chooser: null }, effects: [{ type: "remember", columns: flows.columns }] };
    default:
      return stay(model);
  }
}

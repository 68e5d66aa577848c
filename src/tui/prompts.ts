/** The line at the bottom: what each kind of prompt is for, how it is completed, and what Enter does with it. */
import type { CaptureAction } from "../capture/live/messages.ts";
import { editLine, lineFrom, replaceBefore, wordBefore } from "./line-editor.ts";
import type { Model, Prompt, PromptKind } from "./model.ts";
import { ask, type Step, say, stay } from "./step.ts";

/** Lines of each prompt that are remembered. */
const HISTORY = 50;

interface PromptSpec {
  /** What stands before the line. */
  readonly label: string;
  readonly hint: string;
  readonly words: (model: Model) => readonly string[];
  readonly enter: (model: Model, text: string) => Step;
}

export const PROMPTS: Readonly<Record<PromptKind, PromptSpec>> = {
  filter: {
    label: "/",
    hint: "",
    words: ({ subject }) => subject.filterWords,
    enter: (model, text) =>
      isWrong(model) ? stay(model) : stay({ ...close(model, text), filter: text, filterBefore: model.filter }),
  },
  "capture-filter": {
    label: "capture filter: ",
    hint: "as tcpdump takes it; empty: none",
    words: () => [],
    enter: (model, text) =>
      capture(close(model, text), { type: "capture-filter", bpf: text.trim() === "" ? null : text }),
  },
  save: {
    label: "save: ",
    hint: "flow | filtered | last 30s | all, then a file name if you like",
    words: () => ["flow", "filtered", "last", "all"],
    enter: enterSave,
  },
  export: {
    label: "export: ",
    hint: "csv | json, then a file name if you like",
    words: () => ["csv", "json"],
    enter: (model, text) => {
      const [, format, path] = /^(csv|json)(?:\s+(.+))?$/.exec(text.trim()) ?? [];
      if (format === undefined) return stay(say(model, "csv or json, then a file name if you like", true));
      const to = path ?? `tapscope-flows-${stamp(model.nowMs)}.${format}`;
      return capture(close(model, text), { type: "export", format: format as "csv" | "json", path: to });
    },
  },
  jump: {
    label: "go to: ",
    hint: "seconds from the start, or 5m, 1h; +10s, -10s from here",
    words: () => [],
    enter: (model, text) => {
      const seconds = jumpTarget(text.trim(), (model.snapshot?.elapsedMs ?? 0) / 1000);
      if (seconds === null) return stay(say(model, `not a time: ${text}`, true));
      return capture(close(model, text), { type: "jump", seconds });
    },
  },
};

/** Seconds from the beginning; null for what is no time. */
function jumpTarget(text: string, now: number): number | null {
  const [, sign, amount, unit] = /^([+-]?)(\d+(?:\.\d+)?)(s|m|h)?$/.exec(text) ?? [];
  if (amount === undefined) return null;
  const seconds = Number(amount) * { s: 1, m: 60, h: 3600 }[(unit ?? "s") as "s"];
  return sign === "" ? seconds : Math.max(0, sign === "+" ? now + seconds : now - seconds);
}

function enterSave(model: Model, text: string): Step {
  const [, what, number, unit, path] = /^(flow|filtered|all|last\s+(\d+)(s|m)?)(?:\s+(.+))?$/.exec(text.trim()) ?? [];
  if (what === undefined)
    return stay(say(model, "flow, filtered, last 30s or all, then a file name if you like", true));
  const to = path ?? `tapscope-${what.split(" ")[0]}-${stamp(model.nowMs)}.pcapng`;
  const done = close(model, text);
  if (number !== undefined) {
    const seconds = Number(number) * (unit === "m" ? 60 : 1);
    return capture(done, { type: "save", what: { of: "last", seconds }, path: to });
  }
  if (what !== "flow") return capture(done, { type: "save", what: { of: what as "filtered" | "all" }, path: to });
  const id = flowMeant(model);
  if (id === null) return stay(say(model, "no flow is under the cursor", true));
  return capture(done, { type: "save", what: { of: "flow", id }, path: to });
}

/** The flow under the cursor, or the one whose packets are shown. */
function flowMeant({ screen, packets, flows, snapshot }: Model): number | null {
  if (screen === "packets" && packets.scope.of === "flow") return packets.scope.id;
  return flows.pin?.id ?? snapshot?.flows?.rows[flows.line]?.id ?? null;
}

/** Local time for a file's name: `20260102-104207`. */
export function stamp(ms: number): string {
  const date = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`;
  return `${day}-${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`;
}

function capture(model: Model, action: CaptureAction): Step {
  return { model, effects: [{ type: "capture", action }] };
}

/** The prompt is closed, and what was typed remembered. */
function close(model: Model, text: string): Model {
  const kind = model.prompt!.kind;
  const before = model.history[kind];
  const history = text.trim() === "" || before.at(-1) === text ? before : [...before, text].slice(-HISTORY);
  return { ...model, prompt: null, history: { ...model.history, [kind]: history } };
}

export function openPrompt(model: Model, kind: PromptKind, text: string): Model {
  return { ...model, prompt: { kind, line: lineFrom(text), back: 0, draft: "", completion: null } };
}

/** A key at the prompt. A filter is tried as it is typed; a wrong one is not taken. */
export function typeKey(model: Model, prompt: Prompt, key: string, text: string | undefined): Step {
  const { kind, line } = prompt;
  const to = (next: Prompt): Step => {
    const changed = { ...model, prompt: next };
    return kind === "filter" && next.line.text !== line.text
      ? ask({ ...changed, flows: { ...model.flows, offset: 0 } })
      : stay(changed);
  };
  switch (key) {
    case "escape": {
      const closed = { ...model, prompt: null };
      return kind === "filter" ? ask(closed) : stay(closed);
    }
    case "enter":
      return PROMPTS[kind].enter(model, line.text);
    case "tab":
      return to(completed(model, prompt));
    case "up":
    case "down":
      return to(recalled(model, prompt, key === "up" ? 1 : -1));
  }
  const next = editLine(line, key, text);
  return next === line ? stay(model) : to({ ...prompt, line: next, back: 0, completion: null });
}

/** The word before the cursor completed: the first time as far as all that fit agree, then by each of them in turn. */
function completed(model: Model, prompt: Prompt): Prompt {
  const { completion, line, kind } = prompt;
  if (completion) {
    const index = (completion.index + 1) % completion.words.length;
    const next = replaceBefore(line, completion.from, completion.words[index]!);
    return { ...prompt, line: next, completion: { ...completion, index } };
  }
  const { from, word } = wordBefore(line);
  const words = PROMPTS[kind].words(model).filter((known) => known.startsWith(word));
  if (words.length === 0) return prompt;
  const common = words.reduce((prefix, known) => sharedPrefix(prefix, known));
  const next = replaceBefore(line, from, common);
  return { ...prompt, line: next, completion: words.length === 1 ? null : { from, words, index: -1 } };
}

function sharedPrefix(a: string, b: string): string {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return a.slice(0, length);
}

/** What was typed before, `step` lines further back. */
function recalled(model: Model, prompt: Prompt, step: 1 | -1): Prompt {
  const history = model.history[prompt.kind];
  const back = Math.max(0, Math.min(history.length, prompt.back + step));
  if (back === prompt.back) return prompt;
  const draft = prompt.back === 0 ? prompt.line.text : prompt.draft;
  const text = back === 0 ? draft : history[history.length - back]!;
  return { ...prompt, line: lineFrom(text), back, draft, completion: null };
}

/** Whether the worker has found fault with the filter as it stands. */
export function isWrong({ snapshot, viewSeq }: Model): boolean {
  return snapshot !== null && snapshot.seq >= viewSeq && snapshot.filterError !== null;
}

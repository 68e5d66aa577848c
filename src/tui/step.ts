/** What an update gives: the next model, and what must happen outside. */
import type { CaptureAction } from "../capture/live/messages.ts";
import type { ColumnId } from "./columns.ts";
import type { Model } from "./model.ts";

export type Effect =
  /** Ask the worker for what the model wants to show. */
  | { readonly type: "request" }
  | { readonly type: "quit" }
  | { readonly type: "suspend" }
  | { readonly type: "repaint" }
  /** Put text into the clipboard of the user's terminal. */
  | { readonly type: "copy"; readonly text: string }
  /** Ask the capture to do something; what becomes of it comes back as a notice. Paths are as the user typed them. */
  | { readonly type: "capture"; readonly action: CaptureAction }
  /** Remember what the user has chosen. */
  | { readonly type: "remember"; readonly columns: readonly ColumnId[] };

export interface Step {
  readonly model: Model;
  readonly effects: readonly Effect[];
}

const NOTICE_MS = 6000;

/** Nothing needs to happen outside. */
export function stay(model: Model): Step {
  return { model, effects: [] };
}

/** Requests what the screen shows after the view has changed: answers to earlier requests are then out of date. */
export function ask(model: Model, ...more: readonly Effect[]): Step {
  const seq = model.seq + 1;
  return { model: { ...model, seq, viewSeq: seq }, effects: [{ type: "request" }, ...more] };
}

/** Says something at the bottom for a while. */
export function say(model: Model, text: string, failed = false): Model {
  return { ...model, notice: { text, failed, untilMs: model.nowMs + NOTICE_MS } };
}

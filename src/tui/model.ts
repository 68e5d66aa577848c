/** What the terminal UI knows: immutable, changed only by `update()`; the views draw from nothing else. */
import type { Snapshot, SortKey, ViewRequest } from "../capture/live/snapshot.ts";
import { layoutOf } from "./layout.ts";

/** What the mirror strip says of the capture: see docs/guide/watch.md. */
export type Verdict = "OK" | "LOSS" | "WAIT" | "STALE" | "NO TRAFFIC" | "N/A";

/** OVS's own count of mirrored packets beside what was captured. */
export interface MirrorStrip {
  readonly name: string;
  /** The mirrored ports, as `mirror list` names them. */
  readonly sources: string;
  /** Packets OVS says it has mirrored since the capture began; null before its first answer. */
  readonly mirrored: number | null;
  /** Age of that number, milliseconds. */
  readonly ageMs: number;
  readonly captured: number;
  readonly verdict: Verdict;
  /** Packets that are certainly missing. */
  readonly lost: number;
  /** Why a verdict cannot be given. */
  readonly reason?: string;
}

/** What is watched; fixed for the life of the screen. Texts are not yet safe for a terminal. */
export interface Subject {
  /** A port's name, or a file's. */
  readonly target: string;
  /** A file is read to its end and stays on screen. */
  readonly live: boolean;
  /** The capture filter as the user typed it. */
  readonly bpf: string | null;
  /** No mirror ends at the target. */
  readonly mirrored: boolean;
}

export interface Size {
  readonly cols: number;
  readonly rows: number;
}

export interface Model {
  readonly subject: Subject;
  readonly size: Size;
  readonly snapshot: Snapshot | null;
  readonly strip: MirrorStrip | null;
  /** Wall clock of the last tick, milliseconds. */
  readonly nowMs: number;
  readonly sort: SortKey;
  readonly descending: boolean;
  readonly offset: number;
  /** The flow the cursor follows, or the rank where it will take hold of one; null: the first row, whichever flow that is. */
  readonly selected: ViewRequest["selected"];
  /** The display filter, as it was entered; empty for none. */
  readonly filter: string;
  /** What stands at the prompt for another filter, which is tried as it is typed; null when it is closed. */
  readonly prompt: string | null;
  /** The filter before the one that was entered last: that one comes back to the prompt if it turns out to be wrong. */
  readonly filterBefore: string;
  /** When the screen was held. */
  readonly pausedMs: number | null;
  readonly detail: boolean;
  readonly help: boolean;
  /** First line of the help that is shown. */
  readonly helpOffset: number;
  /** Of the last view request. */
  readonly seq: number;
  /** Of the first request for the view as it is now. */
  readonly viewSeq: number;
}

export function initialModel(subject: Subject, size: Size, nowMs: number): Model {
  return {
    subject,
    size,
    snapshot: null,
    strip: null,
    nowMs,
    sort: "rate",
    descending: true,
    offset: 0,
    selected: null,
    filter: "",
    prompt: null,
    filterBefore: "",
    pausedMs: null,
    detail: false,
    help: false,
    helpOffset: 0,
    seq: 0,
    viewSeq: 0,
  };
}

/** The request whose answer fills the screen as the model stands. */
export function viewRequest(model: Model): ViewRequest {
  return {
    seq: model.seq,
    sort: model.sort,
    descending: model.descending,
    offset: model.offset,
    rows: layoutOf(model).tableRows,
    selected: model.selected,
    hold: model.pausedMs !== null,
    filter: model.prompt ?? model.filter,
    records: false,
  };
}

/** Rank of the row under the cursor, as of the snapshot on screen. */
export function cursorRank(model: Model): number {
  if (model.selected === null) return model.offset;
  return "rank" in model.selected ? model.selected.rank : (model.snapshot?.selected?.rank ?? model.offset);
}

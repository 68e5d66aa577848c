/** What the terminal UI knows: immutable, changed only by `update()`; the views draw from nothing else. */
import type { PacketScope, Snapshot, SortKey, TalkerKey, TalkersQuery } from "../capture/live/snapshot.ts";
import type { MirrorFunnel, MirrorStatus } from "../mirror/status.ts";
import { type ColumnId, DEFAULT_COLUMNS } from "./columns.ts";
import type { EditLine } from "./line-editor.ts";

/** In the order of their number keys. */
export const SCREEN_IDS = ["overview", "flows", "packets", "talkers", "mirrors"] as const;
export type ScreenId = (typeof SCREEN_IDS)[number];

/** What is watched; fixed for the life of the screen. Texts are not yet safe for a terminal. */
export interface Subject {
  /** A port's name, or a file's. */
  readonly target: string;
  /** A file is read to its end and stays on screen. */
  readonly live: boolean;
  /** A file that is played: its times and rates are those of its packets. */
  readonly played: boolean;
  /** No mirror ends at the target. */
  readonly mirrored: boolean;
  /** Words of the display filter that Tab completes. */
  readonly filterWords: readonly string[];
}

export interface Size {
  readonly cols: number;
  readonly rows: number;
}

export interface FlowsState {
  readonly sort: SortKey;
  readonly descending: boolean;
  readonly offset: number;
  /** The visible line the cursor is on. It stays there, whatever flow comes to that line. */
  readonly line: number;
  /** The detail pane is open, and its flow stays on the cursor's line. Null id: that of the line, as soon as it is known. */
  readonly pin: { readonly id: number | null } | null;
  /** The order of rows is kept. */
  readonly frozen: boolean;
  readonly showEnded: boolean;
  /** Names learned from the wire are shown. */
  readonly learnedNames: boolean;
  readonly columns: readonly ColumnId[];
  /** Widths that columns have grown to: they do not shrink from frame to frame. */
  readonly widths: Readonly<Partial<Record<ColumnId, number>>>;
}

export interface PacketsState {
  readonly scope: PacketScope;
  /** What the scope is, in words; empty for the default. */
  readonly scopeName: string;
  readonly following: boolean;
  /** Number of the first visible packet, when it does not follow the newest. */
  readonly top: number;
  readonly selected: number | null;
  /** How far the cursor is to move from there: the worker knows which packet that is. */
  readonly move: number;
  readonly pane: "list" | "layers" | "bytes";
  /** The layer, and the field in it (-1: the layer itself), whose bytes are marked. */
  readonly layer: number;
  readonly field: number;
  /** The byte the cursor is on in the bytes pane. */
  readonly byte: number;
}

export interface TalkersState {
  readonly key: TalkerKey;
  readonly sort: TalkersQuery["sort"];
  readonly descending: boolean;
  readonly offset: number;
  readonly line: number;
}

/** What is asked for at the bottom line. */
export type PromptKind = "filter" | "capture-filter" | "save" | "export" | "jump";

export interface Prompt {
  readonly kind: PromptKind;
  readonly line: EditLine;
  /** Place in the history, from the end; 0: what is being typed. */
  readonly back: number;
  /** What was being typed before history was gone through. */
  readonly draft: string;
  /** What Tab goes through: where the word begins, what it may be, and which one stands there now. */
  readonly completion: { readonly from: number; readonly words: readonly string[]; readonly index: number } | null;
}

/** A sentence at the bottom, for a while. */
export interface Notice {
  readonly text: string;
  readonly failed: boolean;
  readonly untilMs: number;
}

export interface Model {
  readonly subject: Subject;
  readonly size: Size;
  readonly snapshot: Snapshot | null;
  readonly strip: MirrorStatus | null;
  readonly funnel: MirrorFunnel | null;
  /** Wall clock of the last tick, milliseconds. */
  readonly nowMs: number;
  readonly screen: ScreenId;
  readonly flows: FlowsState;
  readonly packets: PacketsState;
  readonly talkers: TalkersState;
  /** Seconds a step of the overview's graph lasts. */
  readonly step: 1 | 10;
  /** The display filter, as it was entered; empty for none. */
  readonly filter: string;
  /** The filter before the one that was entered last: that one comes back to the prompt if it turns out to be wrong. */
  readonly filterBefore: string;
  readonly prompt: Prompt | null;
  readonly history: Readonly<Record<PromptKind, readonly string[]>>;
  readonly notice: Notice | null;
  /** When the screen was held. */
  readonly pausedMs: number | null;
  /** Line of the columns' chooser; null when it is closed. */
  readonly chooser: number | null;
  /** First line of the help that is shown; null when it is closed. */
  readonly help: number | null;
  /** Of the last view request. */
  readonly seq: number;
  /** Of the first request for the view as it is now. */
  readonly viewSeq: number;
}

/** What the user had chosen before. */
export interface Preferences {
  readonly columns: readonly ColumnId[];
}

export function initialModel(subject: Subject, size: Size, nowMs: number, preferences?: Preferences): Model {
  const live = subject.live || subject.played;
  return {
    subject,
    size,
    snapshot: null,
    strip: null,
    funnel: null,
    nowMs,
    screen: "flows",
    flows: {
      // A file that is read at once has no rates of the moment.
      sort: live ? "rate" : "bytes",
      descending: true,
      offset: 0,
      line: 0,
      pin: null,
      frozen: false,
      showEnded: true,
      learnedNames: true,
      columns: preferences?.columns ?? DEFAULT_COLUMNS,
      widths: {},
    },
    packets: {
      scope: { of: "filtered" },
      scopeName: "",
      following: subject.live || subject.played,
      top: 0,
      selected: null,
      move: 0,
      pane: "list",
      layer: 0,
      field: -1,
      byte: 0,
    },
    talkers: { key: "host", sort: "rate", descending: true, offset: 0, line: 0 },
    step: 1,
    filter: "",
    filterBefore: "",
    prompt: null,
    history: { filter: [], "capture-filter": [], save: [], export: [], jump: [] },
    notice: null,
    pausedMs: null,
    chooser: null,
    help: null,
    seq: 0,
    viewSeq: 0,
  };
}

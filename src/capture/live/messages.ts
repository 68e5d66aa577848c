/** What the main thread and the capture worker say to each other besides view requests and snapshots. */
import type { Place } from "../../core/place.ts";
import type { LiveOptions } from "../source/live.ts";
import type { Drops, Snapshot, ViewRequest } from "./snapshot.ts";

/** What the worker is to capture or read. */
export type CaptureJob =
  | ({ readonly kind: "device"; readonly place: Place } & LiveOptions)
  | { readonly kind: "file"; readonly path: string; readonly filter: string | undefined };

export type ToWorker = { readonly type: "view"; readonly request: ViewRequest } | { readonly type: "stop" };

/** An error that has crossed threads. */
export interface PlainError {
  readonly code: string | null;
  readonly message: string;
  readonly hint: string | undefined;
  readonly usage: boolean;
}

/** How it ended. */
export interface CaptureOutcome {
  readonly packets: number;
  readonly bytes: number;
  readonly drops: Drops | null;
  /** Why it ended although nobody asked it to, or what is wrong with the file; else null. */
  readonly reason: string | null;
}

export type FromWorker =
  | { readonly type: "started"; readonly lacks: readonly string[] }
  | { readonly type: "snapshot"; readonly snapshot: Snapshot }
  | { readonly type: "ended"; readonly outcome: CaptureOutcome }
  | { readonly type: "failed"; readonly error: PlainError };

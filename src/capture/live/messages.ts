/** What the main thread and the capture worker say to each other besides view requests and snapshots. */
import type { Place } from "../../core/place.ts";
import type { LiveOptions } from "../source/live.ts";
import type { Drops, PacketScope, Snapshot, ViewRequest } from "./snapshot.ts";

/** What the worker is to capture or read. */
export type CaptureJob = (
  | ({ readonly kind: "device"; readonly place: Place } & LiveOptions)
  | {
      readonly kind: "file";
      readonly path: string;
      readonly filter: string | undefined;
      /** At so many times the speed of the capture; null: at once. */
      readonly play: number | null;
    }
) & {
  /** Bytes of the packet ring. */
  readonly ring: number;
  /** Leave out copies that mirrors made of a packet. */
  readonly dedup?: boolean | undefined;
};

/** What the user asks for besides looking. Paths are absolute. */
export type CaptureAction =
  /** Write packets of the ring to a file. */
  | {
      readonly type: "save";
      readonly what: PacketScope | { readonly of: "last"; readonly seconds: number };
      readonly path: string;
    }
  /** Write packets to a file from now on; null: no longer. */
  | { readonly type: "record"; readonly path: string | null }
  /** Write the flows that match the display filter to a file. */
  | { readonly type: "export"; readonly format: "csv" | "json"; readonly path: string }
  /** Begin to capture with another capture filter; null: none. It has been checked. */
  | { readonly type: "capture-filter"; readonly bpf: string | null }
  /** How a file is played. */
  | { readonly type: "play"; readonly speed?: number; readonly paused?: boolean }
  /** Go on at so many seconds after the file's first packet. */
  | { readonly type: "jump"; readonly seconds: number };

export type ToWorker =
  | { readonly type: "view"; readonly request: ViewRequest }
  | { readonly type: "action"; readonly action: CaptureAction }
  /** The switch's port of each MAC address. */
  | { readonly type: "ports"; readonly ports: ReadonlyMap<string, string> }
  | { readonly type: "stop" };

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
  /** Copies that were left out; null: not looked for. */
  readonly copies: number | null;
  /** Why it ended although nobody asked it to, or what is wrong with the file; else null. */
  readonly reason: string | null;
}

/** What became of an action: a sentence for the user. */
export interface ActionResult {
  readonly text: string;
  readonly failed: boolean;
}

export type FromWorker =
  | { readonly type: "started"; readonly lacks: readonly string[] }
  | { readonly type: "snapshot"; readonly snapshot: Snapshot }
  | { readonly type: "result"; readonly result: ActionResult }
  | { readonly type: "ended"; readonly outcome: CaptureOutcome }
  | { readonly type: "failed"; readonly error: PlainError };

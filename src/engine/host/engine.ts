/**
 * One engine: an instance of the compiled module with a memory of its own. Frames go in as chunks of bytes (feed.ts), connections come out
 * as records, as calls of `onEnd`, or are looked at where they are (`rows`).
 */
import { COUNTERS, OPTIONS, ROW } from "../layout/layouts.ts";
import { MEMORY, startOf } from "../layout/memory-map.ts";
import { TUNNELS } from "../tables/tunnels.ts";
import type { EngineExports } from "./exports.ts";
import { abortWith, type Build, engineModule } from "./load.ts";
import { type PayloadEngine, PayloadHost, type PayloadReaders } from "./payload.ts";
import { Rows } from "./rows.ts";
import { type Getter, gettersOf, MemoryView, settersOf } from "./view.ts";

export interface EngineOptions {
  /** Rows held at once, ended ones that are kept included; beyond it the one that would end first is evicted. Default 1,000,000. */
  readonly maxFlows?: number;
  /** Ended connections stay in the table until evicted (a live view). Default: they are released after `onEnd`. */
  readonly keepEnded?: boolean;
  /** The outer two VLAN ids are part of the key. */
  readonly vlanKey?: boolean;
  /** Only the innermost connections are shown: what carries a tunnel is left out. */
  readonly inner?: boolean;
  /** Copies of a packet that a mirror made are left out, not only counted. */
  readonly dedup?: boolean;
  /** Of long captures `duplicates` is only estimated, which is faster. Without meaning together with `dedup`. */
  readonly estimateDuplicates?: boolean;
  /** Packets with a wrong checksum are treated as Zeek treats them without -C: noted in the history, and not counted. */
  readonly verifyChecksums?: boolean;
  /** What the capture's own snaplen cut off counts as seen: a live capture that was asked for headers. */
  readonly cutIsSeen?: boolean;
  /** Called for each connection that has ended, in the order in which they end; ties by first time, then uid. */
  readonly onEnd?: (row: number) => void;
  /** Connections that have ended are written as records, without anyone being called for each. */
  readonly writesRecords?: boolean;
  /** Gets records that were written, valid during the call. */
  readonly onRecords?: (bytes: Uint8Array) => void;
  /** Which compilation runs: tests take the checked one. */
  readonly build?: Build;
  /** Readers of payload that takes more than looking at it (service/payload-readers.ts); without them those names are not found. */
  readonly readers?: PayloadReaders;
}

// Numbers of engine/table/delivery.ts.
const TO_NOBODY = 0;
const TO_RECORDS = 1;
const TO_HOST = 2;

const OPTIONS_AT = startOf("OPTIONS");
const SCRATCH_AT = startOf("SCRATCH");
const COUNTERS_AT = startOf("COUNTERS");
const DEFAULT_MAX_FLOWS = 1_000_000;

export class Engine {
  readonly exports: EngineExports;
  readonly view: MemoryView;
  readonly rows: Rows;
  /** Gets records that were written, valid during the call. */
  onRecords: ((bytes: Uint8Array) => void) | undefined;
  readonly #options: EngineOptions;
  readonly #counters;
  readonly #set;

  constructor(options: EngineOptions = {}) {
    this.#options = options;
    this.onRecords = options.onRecords;
    const exports: EngineExports = new WebAssembly.Instance(engineModule(options.build ?? "release"), {
      env: {
        abort: (message: number, file: number, line: number, column: number) =>
          abortWith(exports.memory, message, file, line, column),
      },
      delivery: { connectionEnded: (row: number) => this.#ended(row >>> 0) },
      host: {
        takeRecords: (at: number, length: number) => this.#takeRecords(at, length),
        ...new PayloadHost(this.#payloadEngine(), options.readers).imports,
      },
    }).exports as unknown as EngineExports;
    this.exports = exports;
    this.view = new MemoryView(exports.memory);
    const { maxFlows = DEFAULT_MAX_FLOWS, onEnd } = options;
    exports.start();
    this.#set = settersOf(this.view, OPTIONS);
    this.set("maxRows", Math.max(1, Math.min(maxFlows, MOST_FLOWS)));
    this.set("seed", Math.random() * 2 ** 32);
    this.set("keepEnded", options.keepEnded ?? false);
    this.set("vlanKey", options.vlanKey ?? false);
    this.set("innerOnly", options.inner ?? false);
    this.set("dropCopies", options.dedup ?? false);
    this.set("sampleCopies", (options.estimateDuplicates ?? false) && !options.dedup);
    this.set("verifyChecksums", options.verifyChecksums ?? false);
    this.set("cutIsSeen", options.cutIsSeen ?? false);
    this.set("deliverTo", onEnd ? TO_HOST : options.writesRecords ? TO_RECORDS : TO_NOBODY);
    exports.begin();
    this.view.refresh();
    this.rows = new Rows(exports, this.view);
    this.#counters = gettersOf(this.view, COUNTERS);
  }

  /** Says what is wanted, or known of the capture (layouts.ts, OPTIONS). */
  set(name: keyof typeof OPTIONS.fields, value: number | boolean): void {
    this.view.refresh();
    this.#set[name](OPTIONS_AT, Number(value));
  }

  /** A total (layouts.ts, COUNTERS). */
  count(name: keyof typeof COUNTERS.fields): number {
    const getter: Getter = this.#counters[name];
    return getter(COUNTERS_AT);
  }

  /** A row's record in JSON, whatever format records are written in. */
  recordText(row: number): string {
    const length = this.exports.recordText(this.rows.address(row));
    return Buffer.from(this.view.memory.buffer, SCRATCH_AT, length).toString("utf8");
  }

  #payloadEngine(): PayloadEngine {
    const engine = this;
    return {
      get bytes() {
        engine.view.refresh();
        return engine.view.bytes;
      },
      scratch: SCRATCH_AT,
      expectedPorts: startOf("EXPECTED_PORTS"),
      keepHelloName: (row, length) => engine.exports.keepHelloName(row, length),
    };
  }

  #ended(row: number): void {
    this.view.refresh();
    this.#options.onEnd?.(this.rows.rowAt(row));
  }

  #takeRecords(at: number, length: number): void {
    this.view.refresh();
    this.onRecords?.(this.view.bytes.subarray(at, at + length));
  }
}

/** What fits into 4 GB of memory beside everything else. */
const MOST_FLOWS = Math.floor((2 ** 32 - MEMORY.get("STREAMS")!.end) / (ROW.size + 32));

/** What carried a connection: `vxlan`, `gre`, …; empty for nothing. */
export function tunnelName(tunnel: number): string {
  return tunnel === 0 ? "" : TUNNELS[tunnel - 1]!.name;
}

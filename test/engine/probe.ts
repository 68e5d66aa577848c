/** The engine's checked build, for tests of single parts of it (engine/probes.ts): a read outside of a payload throws. */
import type { MeterOptions } from "../../src/capture/meter.ts";
import { Engine } from "../../src/engine/host/engine.ts";
import { startOf } from "../../src/engine/layout/memory-map.ts";
import { payloadReaders } from "../../src/service/payload-readers.ts";

type Export = (...values: (number | bigint)[]) => number;

/** Where tests put bytes. */
const BYTES = startOf("CHUNK");

export class Probe {
  readonly #engine: Engine;
  readonly #exports: Record<string, Export>;

  constructor(options: MeterOptions = {}) {
    this.#engine = new Engine({ ...options, readers: payloadReaders, build: "checked" });
    this.#exports = this.#engine.exports as unknown as Record<string, Export>;
  }

  get rows() {
    return this.#engine.rows;
  }

  count(name: Parameters<Engine["count"]>[0]): number {
    return this.#engine.count(name);
  }

  get view() {
    return this.#engine.view;
  }

  call(name: string, ...values: (number | bigint)[]): number {
    return this.#exports[name]!(...values);
  }

  /** Puts bytes into the engine's memory, `offset` apart from others, with bytes of another kind around them. @returns their address */
  put(bytes: Uint8Array, offset = 0): number {
    const at = BYTES + 64 + offset;
    const memory = this.#engine.view.bytes;
    memory.fill(0xa5, at - 64, at + bytes.length + 64);
    memory.set(bytes, at);
    return at;
  }

  /** The text that a probe has left. */
  text(length: number): string {
    const at = startOf("SCRATCH");
    return Buffer.from(this.#engine.view.bytes.subarray(at, at + length)).toString("utf8");
  }
}

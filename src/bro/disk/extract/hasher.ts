/** SHA-256 of a file's bytes as they come: here, or for large files in a thread of its own, while others read and write. */
import { createHash } from "node:crypto";
import { Worker } from "node:worker_threads";

/** Takes a file's bytes in order, then gives their hash and is ready for the next file. */
export interface Hasher {
  /** The chunk may be used again when this resolves. */
  update(chunk: Buffer): Promise<void> | undefined;
  /** Hex. */
  digest(): Promise<string>;
}

export class Sha256 implements Hasher {
  #hash = createHash("sha256");

  update(chunk: Buffer): undefined {
    this.#hash.update(chunk);
  }

  async digest(): Promise<string> {
    const hex = this.#hash.digest("hex");
    this.#hash = createHash("sha256");
    return hex;
  }
}

/** In plain JavaScript, as a thread can't be started from a source file that is not compiled yet. */
const THREAD = `
const { createHash } = require("node:crypto");
const { parentPort, workerData } = require("node:worker_threads");
let hash = createHash("sha256");
parentPort.on("message", ({ at, length, bytes }) => {
  if (bytes) hash.update(bytes);
  else if (length !== undefined) hash.update(new Uint8Array(workerData, at, length));
  else {
    parentPort.postMessage(hash.digest("hex"));
    hash = createHash("sha256");
    return;
  }
  parentPort.postMessage("");
});`;

/** Chunks in `memory` are hashed where they are, others are copied. */
export class HashThread implements Hasher, AsyncDisposable {
  readonly #memory: SharedArrayBuffer;
  readonly #worker: Worker;
  /** Answers come in the order of the questions. */
  readonly #waiting: { resolve: (answer: string) => void; reject: (error: Error) => void }[] = [];

  constructor(memory: SharedArrayBuffer) {
    this.#memory = memory;
    this.#worker = new Worker(THREAD, { eval: true, workerData: memory });
    this.#worker.on("message", (answer: string) => this.#waiting.shift()!.resolve(answer));
    this.#worker.on("error", (error) => {
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    });
  }

  async update(chunk: Buffer): Promise<void> {
    const shared = (chunk.buffer as unknown) === this.#memory;
    await this.#ask(shared ? { at: chunk.byteOffset, length: chunk.length } : { bytes: chunk });
  }

  digest(): Promise<string> {
    return this.#ask({});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }

  #ask(question: { at?: number; length?: number; bytes?: Buffer }): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(question);
    });
  }
}

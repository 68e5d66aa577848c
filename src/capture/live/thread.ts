/** The main thread's end of a capture worker. */
import { Worker } from "node:worker_threads";
import { type ErrorCode, TapscopeError, UsageError } from "../../core/errors.ts";
import type {
  ActionResult,
  CaptureAction,
  CaptureJob,
  CaptureOutcome,
  FromWorker,
  PlainError,
  ToWorker,
} from "./messages.ts";
import type { Snapshot, ViewRequest } from "./snapshot.ts";

export class CaptureThread implements AsyncDisposable {
  readonly #worker: Worker;
  #onSnapshot: (snapshot: Snapshot) => void = () => {};
  #onResult: (result: ActionResult) => void = () => {};
  /** Resolves when packets are being captured (or the file read), with what the source cannot tell. */
  readonly started: Promise<readonly string[]>;
  /** Resolves when the capture or the file has ended; the worker goes on answering requests. */
  readonly ended: Promise<CaptureOutcome>;

  constructor(job: CaptureJob) {
    this.#worker = new Worker(new URL("./worker.js", import.meta.url), { workerData: job });
    let start: (lacks: readonly string[]) => void;
    let end: (outcome: CaptureOutcome) => void;
    const fails: ((error: unknown) => void)[] = [];
    this.started = new Promise((resolve, reject) => {
      start = resolve;
      fails.push(reject);
    });
    this.ended = new Promise((resolve, reject) => {
      end = resolve;
      fails.push(reject);
    });
    // Whoever waits for the one need not wait for the other.
    this.started.catch(() => {});
    this.ended.catch(() => {});
    const fail = (error: unknown): void => {
      for (const reject of fails) reject(error);
    };
    this.#worker.on("message", (message: FromWorker) => {
      if (message.type === "snapshot") this.#onSnapshot(message.snapshot);
      else if (message.type === "result") this.#onResult(message.result);
      else if (message.type === "started") start(message.lacks);
      else if (message.type === "ended") end(message.outcome);
      else fail(revive(message.error));
    });
    this.#worker.on("error", fail);
    this.#worker.once("exit", () => fail(new TapscopeError("E_CAPTURE_THREAD", "the capture's thread has ended")));
  }

  onSnapshot(listener: (snapshot: Snapshot) => void): void {
    this.#onSnapshot = listener;
  }

  /** Asks for a snapshot; of requests that wait only the last is answered. */
  request(request: ViewRequest): void {
    this.#post({ type: "view", request });
  }

  /** What became of the actions asked for. */
  onResult(listener: (result: ActionResult) => void): void {
    this.#onResult = listener;
  }

  /** Asks for something to be done; a result follows. */
  act(action: CaptureAction): void {
    this.#post({ type: "action", action });
  }

  /** Gives the switch's port of each MAC address. */
  usePorts(ports: ReadonlyMap<string, string>): void {
    this.#post({ type: "ports", ports });
  }

  /** Ends the capture; what has arrived is still counted, then `ended` resolves. */
  stop(): void {
    this.#post({ type: "stop" });
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  /** Ends the thread, and with it what it started. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}

function revive({ code, message, hint, usage }: PlainError): Error {
  if (usage) return new UsageError(message, { hint });
  return code === null ? new Error(message) : new TapscopeError(code as ErrorCode, message, { hint });
}

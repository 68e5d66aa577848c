/** `watch` on logs: conn.log in the flow screens, and of the flow whose detail is open the rows of all other logs. */
import { followConnection } from "../bro/log/follow.ts";
import { readRows } from "../bro/log/reader.ts";
import { Rows } from "../bro/log/rows.ts";
import { findLogs, groupLogs, type LogKind } from "../bro/log/set.ts";
import { connRowOf } from "../bro/log/view/conn-rows.ts";
import { ConnView, MOST_ROWS } from "../bro/log/view/conn-view.ts";
import type { ActionResult, CaptureOutcome } from "../capture/live/messages.ts";
import type { CaptureState, Snapshot, ViewRequest } from "../capture/live/snapshot.ts";
import type { CaptureThread } from "../capture/live/thread.ts";
import { messageOf, TapscopeError } from "../core/errors.ts";

/** What the screen joins: a capture's thread, or logs. */
export type FlowSource = Pick<
  CaptureThread,
  "started" | "ended" | "onSnapshot" | "request" | "onResult" | "act" | "usePorts" | "stop"
> &
  AsyncDisposable;

/** How many connections' rows of other logs are kept. */
const FOLLOWED = 100;

export class LogSource implements FlowSource {
  readonly started: Promise<readonly string[]>;
  readonly ended: Promise<CaptureOutcome>;
  readonly #stop = new AbortController();
  readonly #view = new ConnView((uid) => this.#rowsOf(uid));
  readonly #followed = new Map<string, readonly string[] | null>();
  #kinds: readonly LogKind[] = [];
  #state: CaptureState = "starting";
  #last: ViewRequest | null = null;
  #onSnapshot: (snapshot: Snapshot) => void = () => {};
  #onResult: (result: ActionResult) => void = () => {};

  /** @param path a conn.log, or a folder with one */
  constructor(path: string) {
    const complaints: string[] = [];
    this.started = this.#open(path, complaints);
    this.ended = this.started.then(() => this.#read(complaints));
    this.started.catch(() => {});
    this.ended.catch(() => {});
  }

  async #open(path: string, complaints: string[]): Promise<readonly string[]> {
    const complain = (sentence: string) => complaints.push(sentence);
    this.#kinds = await groupLogs(await findLogs([path], complain), complain, this.#stop.signal);
    if (!this.#kinds.some(({ kind }) => kind === "conn")) {
      throw new TapscopeError("E_LOG_NOT_FOUND", `there is no conn.log in ${path}`, {
        hint: "tapscope bro logs shows what there is",
      });
    }
    this.#state = "running";
    return [];
  }

  async #read(complaints: string[]): Promise<CaptureOutcome> {
    const reasons = [...complaints];
    for (const { input } of this.#kinds.find(({ kind }) => kind === "conn")!.logs) {
      if (this.#view.size >= MOST_ROWS || this.#stop.signal.aborted) break;
      const rows: Rows = new Rows((row) => {
        this.#view.add(connRowOf(row, this.#view.size));
        if (this.#view.size >= MOST_ROWS) rows.stopped = true;
      });
      const { name, damage } = await readRows(input, rows, { signal: this.#stop.signal });
      for (const sentence of damage) if (!sentence.startsWith("no #close")) reasons.push(`${name}: ${sentence}`);
    }
    if (this.#view.size >= MOST_ROWS) reasons.push(`only the first ${MOST_ROWS} connections are shown`);
    this.#state = "ended";
    this.#answer();
    const reason = reasons.length > 0 ? reasons.join("; ") : null;
    return { packets: this.#view.packets, bytes: this.#view.bytes, copies: null, drops: null, reason };
  }

  onSnapshot(listener: (snapshot: Snapshot) => void): void {
    this.#onSnapshot = listener;
  }

  request(request: ViewRequest): void {
    const waits = this.#last !== null;
    this.#last = request;
    // Of requests that come together the last is answered.
    if (!waits || this.#state === "ended") setImmediate(() => this.#last === request && this.#answer());
  }

  #answer(): void {
    if (this.#last !== null) this.#onSnapshot(this.#view.answer(this.#last, this.#state));
  }

  /** Looks them up in all logs when they are asked for the first time; the screen is answered once more when they are known. */
  #rowsOf(uid: string): readonly string[] | null {
    const known = this.#followed.get(uid);
    if (known !== undefined || uid === "" || this.#state !== "ended") return known ?? null;
    if (this.#followed.size >= FOLLOWED) this.#followed.delete(this.#followed.keys().next().value!);
    this.#followed.set(uid, null);
    const others = this.#kinds.filter(({ kind }) => kind !== "conn").flatMap(({ logs }) => logs);
    followConnection(others, uid, { signal: this.#stop.signal })
      .then((rows) =>
        rows.map(
          ({ log, fields }) =>
            `${log}  ${fields
              .filter(([name]) => !COMMON.has(name))
              .map(([name, value]) => `${name}=${value}`)
              .join("  ")}`,
        ),
      )
      .catch((error) => [messageOf(error)])
      .then((lines) => {
        this.#followed.set(uid, lines);
        if (!this.#stop.signal.aborted) this.#answer();
      });
    return null;
  }

  onResult(listener: (result: ActionResult) => void): void {
    this.#onResult = listener;
  }

  act(): void {
    this.#onResult({ text: "a log has no packets; tapscope bro cut writes its rows", failed: true });
  }

  usePorts(): void {}

  stop(): void {
    this.#stop.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.ended.catch(() => {});
  }
}

/** The flow's own row shows them. */
const COMMON = new Set(["ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p"]);

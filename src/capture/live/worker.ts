/**
 * The capture worker's thread: source, decoding, flow table, sorting. It draws nothing and waits for nobody, so that a
 * slow terminal costs no packet. tcpdump is started here and dies with this thread, whatever ends it.
 */
import { parentPort, workerData } from "node:worker_threads";
import { messageOf, TapscopeError, UsageError } from "../../core/errors.ts";
import { readCapture } from "../source/file.ts";
import type { LiveSource } from "../source/live.ts";
import { openLiveSource } from "../source/open.ts";
import type { CaptureJob, CaptureOutcome, FromWorker, PlainError, ToWorker } from "./messages.ts";
import type { CaptureState, ViewRequest } from "./snapshot.ts";
import { FlowView } from "./view.ts";

const TICK_MS = 1000;
/** The share of this thread's time that answers may take: counting packets comes first. */
const ANSWER_SHARE = 0.1;

const port = parentPort!;
const job = workerData as CaptureJob;
const view = new FlowView(job.kind === "device", Date.now());
let state: CaptureState = "starting";
let source: LiveSource | null = null;
const stopFile = new AbortController();

let wanted: ViewRequest | null = null;
let timer: NodeJS.Timeout | null = null;
let nextAnswerMs = 0;

function say(message: FromWorker): void {
  port.postMessage(message);
}

/** Answers the latest request: at once, or when the time that the last answer took is made up for. */
function answerSoon(): void {
  if (timer !== null) return;
  timer = setTimeout(
    () => {
      timer = null;
      if (wanted === null) return;
      const request = wanted;
      wanted = null;
      const began = performance.now();
      say({ type: "snapshot", snapshot: view.answer(request, state, source?.drops ?? null, Date.now()) });
      const done = performance.now();
      nextAnswerMs = done + (done - began) * (1 / ANSWER_SHARE - 1);
    },
    Math.max(0, nextAnswerMs - performance.now()),
  );
}

port.on("message", (message: ToWorker) => {
  if (message.type === "view") {
    wanted = message.request;
    answerSoon();
  } else if (source) {
    void source.stop(true);
  } else {
    stopFile.abort();
  }
});

async function runDevice(device: Extract<CaptureJob, { kind: "device" }>): Promise<CaptureOutcome> {
  source = await openLiveSource(device);
  state = "running";
  say({ type: "started", lacks: source.lacks });
  const ticker = setInterval(() => {
    view.tick(Date.now());
    source?.refreshDrops();
  }, TICK_MS);
  try {
    const { drops, reason } = await source.run((frame) => view.add(frame));
    return { packets: view.meter.packets, bytes: view.meter.bytes, drops, reason };
  } finally {
    clearInterval(ticker);
  }
}

async function runFile(file: Extract<CaptureJob, { kind: "file" }>): Promise<CaptureOutcome> {
  state = "running";
  say({ type: "started", lacks: [] });
  const { path, filter } = file;
  const summary = await readCapture(path, (frame) => view.add(frame), {
    signal: stopFile.signal,
    ...(filter === undefined ? {} : { filter }),
  });
  return { packets: view.meter.packets, bytes: view.meter.bytes, drops: null, reason: summary.error };
}

function plain(error: unknown): PlainError {
  return {
    code: error instanceof TapscopeError ? error.code : null,
    message: messageOf(error),
    hint: error instanceof TapscopeError ? error.hint : undefined,
    usage: error instanceof UsageError,
  };
}

try {
  const outcome = await (job.kind === "device" ? runDevice(job) : runFile(job));
  view.meter.finish();
  state = "ended";
  say({ type: "ended", outcome });
} catch (error) {
  say({ type: "failed", error: plain(error) });
}

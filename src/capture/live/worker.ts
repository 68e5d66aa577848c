/**
 * The capture worker's thread: source, decoding, flow table, ring, sorting. It draws nothing and waits for nobody, so that a
 * slow terminal costs no packet. tcpdump is started here and dies with this thread, whatever ends it.
 */
import { statSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { messageOf, TapscopeError, UsageError } from "../../core/errors.ts";
import { CopyFilter } from "../dedup.ts";
import type { Frame } from "../frame.ts";
import { readCapture } from "../source/file.ts";
import type { LiveSource } from "../source/live.ts";
import { openLiveSource } from "../source/open.ts";
import { CaptureActions } from "./actions.ts";
import type { CaptureJob, CaptureOutcome, FromWorker, PlainError, ToWorker } from "./messages.ts";
import { Player } from "./player.ts";
import type { CaptureState, Drops, ReadingState, ViewRequest } from "./snapshot.ts";
import { FlowView } from "./view.ts";

const TICK_MS = 1000;
/** The share of this thread's time that answers may take: counting packets comes first. */
const ANSWER_SHARE = 0.1;

const port = parentPort!;
const job = workerData as CaptureJob;
let view = newView();
const copyFilter = job.dedup ? new CopyFilter() : null;
let state: CaptureState = "starting";
let source: LiveSource | null = null;
let player: Player | null = null;
/** The capture filter, and whether the source is to be opened anew with it. */
let bpf: string | null = job.filter ?? null;
let reopen = false;
/** Where a file is to be gone on with after it was begun anew, seconds. */
let jumpTo: number | null = null;
let stopped = false;
let stopFile = new AbortController();
/** Of the file: its length, and how many bytes of frames were read. */
let fileBytes: number | null = null;
let readBytes = 0;

let wanted: ViewRequest | null = null;
let timer: NodeJS.Timeout | null = null;
let nextAnswerMs = 0;

const actions = new CaptureActions({
  view: () => view,
  source: () => ({
    device: job.kind === "device" ? job.device : job.path,
    snaplen: job.kind === "device" ? (job.snaplen ?? 0) : 0,
    bpf,
  }),
  reopen: (filter) => {
    bpf = filter;
    reopen = true;
    void source?.stop(false);
  },
  play: (change) => player?.set(change),
  jump: (seconds) => {
    if (!player) return;
    if (seconds >= player.position) player.jump(seconds);
    else {
      jumpTo = seconds;
      stopFile.abort();
      player.close();
    }
  },
  say: (result) => say({ type: "result", result }),
});

function newView(): FlowView {
  const isDevice = job.kind === "device";
  return new FlowView(
    {
      live: isDevice || job.play !== null,
      ring: job.ring,
      snaplen: isDevice ? (job.snaplen ?? 0) : 0,
    },
    Date.now(),
  );
}

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
      const context = {
        ...{ state, bpf, reading: reading(), recording: actions.recording },
        drops: source?.drops ?? null,
      };
      say({ type: "snapshot", snapshot: view.answer(request, context, Date.now()) });
      const done = performance.now();
      nextAnswerMs = done + (done - began) * (1 / ANSWER_SHARE - 1);
    },
    Math.max(0, nextAnswerMs - performance.now()),
  );
}

function reading(): ReadingState | null {
  if (job.kind === "device") return null;
  const progress = state === "ended" ? 1 : fileBytes ? Math.min(1, readBytes / fileBytes) : null;
  return { progress, speed: player?.speed ?? 0, paused: player?.paused ?? false };
}

port.on("message", (message: ToWorker) => {
  switch (message.type) {
    case "view":
      wanted = message.request;
      answerSoon();
      break;
    case "action":
      actions.run(message.action);
      break;
    case "ports":
      view.usePorts(message.ports);
      break;
    case "stop":
      stopped = true;
      if (source) void source.stop(true);
      else {
        stopFile.abort();
        player?.close();
      }
  }
});

const sink = (frame: Frame): void => {
  if (copyFilter?.isCopy(frame)) return;
  view.add(frame);
  actions.add(frame);
};

async function runDevice(device: Extract<CaptureJob, { kind: "device" }>): Promise<CaptureOutcome> {
  const ticker = setInterval(() => {
    view.idle(Date.now());
    source?.refreshDrops();
    actions.flush();
  }, TICK_MS);
  try {
    for (let first = true; ; first = false) {
      reopen = false;
      source = await openLiveSource({ ...device, filter: bpf ?? undefined });
      state = "running";
      if (first) say({ type: "started", lacks: source.lacks });
      const { drops, reason } = await source.run(sink);
      if (!reopen || stopped) return outcome(drops, reason);
    }
  } finally {
    clearInterval(ticker);
  }
}

async function runFile(file: Extract<CaptureJob, { kind: "file" }>): Promise<CaptureOutcome> {
  state = "running";
  say({ type: "started", lacks: [] });
  const { path, filter, play } = file;
  fileBytes = sizeOf(path);
  for (;;) {
    player = play === null ? null : new Player(sink, player?.speed ?? play);
    if (jumpTo !== null) player?.jump(jumpTo);
    jumpTo = null;
    readBytes = 0;
    const into = player ? (frame: Frame) => player!.add(frame) : sink;
    const summary = await readCapture(
      path,
      (frame) => {
        readBytes += frame.caplen + 16;
        into(frame);
      },
      {
        signal: stopFile.signal,
        ...(filter === undefined ? {} : { filter }),
        ...(player ? { pause: () => player!.pause() } : {}),
      },
    );
    if (!stopFile.signal.aborted) await player?.end();
    if (jumpTo === null || stopped) return outcome(null, summary.error);
    // Back: what was seen is forgotten, and the file is begun anew.
    stopFile = new AbortController();
    view = newView();
  }
}

/** Bytes of a file; null for what is none, or compressed. */
function sizeOf(path: string): number | null {
  if (path === "-" || /\.(gz|zst|lz4)$/.test(path)) return null;
  const { size } = statSync(path, { throwIfNoEntry: false }) ?? { size: 0 };
  return size > 0 ? size : null;
}

function outcome(drops: Drops | null, reason: string | null): CaptureOutcome {
  return { packets: view.meter.packets, bytes: view.meter.bytes, drops, copies: copyFilter?.copies ?? null, reason };
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
  const ended = await (job.kind === "device" ? runDevice(job) : runFile(job));
  view.meter.finish();
  actions.close();
  state = "ended";
  say({ type: "ended", outcome: ended });
} catch (error) {
  say({ type: "failed", error: plain(error) });
}

/** The traffic of `verify`: a ping of its own, the user's command, injected frames, or what passes by itself. */
import { randomBytes, randomInt } from "node:crypto";
import { injectFrames } from "../../capture/inject/inject.ts";
import type { Place } from "../../core/place.ts";
import { type Child, type Exit, failure, isNotFound, run, spawn } from "../../core/process.ts";
import { type PingWords, parsePing, takesIdentifier } from "../../verify/judge/ping.ts";

/** After being asked to end, a program has this long. */
const GRACE_MS = 2000;
/** Kept of what ping writes. */
const WORDS_KEPT = 8 * 1024 * 1024;

export interface PingTraffic {
  readonly address: string;
  readonly count: number;
  /** Payload bytes; null leaves it to ping. */
  readonly size: number | null;
  readonly intervalS: number;
  readonly interface?: string | undefined;
  /** The largest packet that passes unfragmented is looked for first, and then sent with the don't-fragment flag. */
  readonly dontFragment?: boolean;
}

/** The identifier a ping in `place` will use, or null when it cannot be told. */
export async function chooseIdentifier(place: Place): Promise<number | null> {
  const { stdout, stderr } = await run(["ping", "-V"], { place, okCodes: [0, 1, 2] });
  return takesIdentifier(stdout + stderr) ? randomInt(1, 65_536) : null;
}

/** Runs ping until it is done or `stop` resolves. @throws ProcessError when there is no ping */
export async function runPing(
  traffic: PingTraffic,
  place: Place,
  identifier: number | null,
  stop: Promise<unknown>,
): Promise<PingWords> {
  const { address, count, size, intervalS, interface: device } = traffic;
  const argv = ["ping", "-n", "-c", String(count), "-i", String(intervalS), "-W", "1"];
  if (size !== null) argv.push("-s", String(size));
  if (traffic.dontFragment) argv.push("-M", "do");
  if (identifier !== null) argv.push("-e", String(identifier));
  if (device !== undefined) argv.push("-I", device);
  await using child = spawn([...argv, "--", address], { place });
  let [out, err] = ["", ""];
  child.stdout!.setEncoding("utf8").on("data", (text: string) => {
    if (out.length < WORDS_KEPT) out += text;
    else out = out.slice(0, WORDS_KEPT / 2) + text;
  });
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    err = (err + text).slice(-4000);
  });
  const exit = await endOf(child, stop, "SIGINT");
  if (exit.notFound) throw failure(child.argv, exit);
  return parsePing(out, err);
}

/** Runs the user's command; what it writes goes to standard error. @throws ProcessError when there is no such program */
export async function runCommand(argv: readonly string[], place: Place, stop: Promise<unknown>): Promise<Exit> {
  await using child = spawn(argv, { place });
  child.stdout!.on("data", (chunk: Buffer) => void process.stderr.write(chunk));
  let words = "";
  child.stderr!.on("data", (chunk: Buffer) => {
    process.stderr.write(chunk);
    words = (words + chunk.toString("latin1")).slice(-1000);
  });
  const exit = await endOf(child, stop, "SIGTERM");
  if (isNotFound(undefined, exit.exitCode, words, argv[0]!)) throw failure(argv, { ...exit, notFound: true });
  return exit;
}

/** What marks the frames of one run of `--inject`. */
export function makeMarker(): Buffer {
  return randomBytes(8);
}

export { injectFrames };

/** Waits for a program; when `stop` resolves first, asks it to end, and makes it. */
async function endOf(child: Child, stop: Promise<unknown>, signal: NodeJS.Signals): Promise<Exit> {
  const first = await Promise.race([child.ended, stop.then(() => null)]);
  if (first !== null) return first;
  child.signal(signal);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, GRACE_MS);
  });
  await Promise.race([child.ended, late]);
  clearTimeout(timer);
  child.signalGroup("SIGKILL");
  return await child.ended;
}

/**
 * The one way tapscope runs outside programs: argument arrays, no shell, a time limit, killed with their parent,
 * in a place (see place.ts).
 */
import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { execa, execaSync, type Options } from "execa";
import { tellCommand } from "./announce.ts";
import { type ErrorCode, TapscopeError } from "./errors.ts";
import { HOST, type Place, wrapForPlace } from "./place.ts";
import { installHint } from "./programs.ts";
import { shellQuote } from "./text.ts";

/** Why an outside program failed; `stderrTail` is its last words, unsanitized. */
export class ProcessError extends TapscopeError {
  override readonly name = "ProcessError";
  /** The program and its arguments, without the wrapping of its place. */
  readonly argv: readonly string[];
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly stderrTail: string;
  readonly durationMs: number;

  constructor(code: ErrorCode, message: string, argv: readonly string[], exit: Exit, hint?: string) {
    super(code, message, { hint });
    this.argv = argv;
    this.exitCode = exit.exitCode;
    this.signal = exit.signal;
    this.stderrTail = exit.stderr;
    this.durationMs = exit.durationMs;
  }
}

/** How a program ended. */
export interface Exit {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly timedOut: boolean;
  /** The program could not be started: it is not installed in that place. */
  readonly notFound: boolean;
  readonly stderr: string;
  readonly durationMs: number;
}

export interface RunOptions {
  readonly place?: Place;
  /** Default 10 000. */
  readonly timeoutMs?: number;
  readonly input?: string | Uint8Array;
  /** Default: only 0. Another exit code throws. */
  readonly okCodes?: readonly number[];
  /** The folder it starts in, on the host. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
  readonly durationMs: number;
}

/** Where Debian keeps programs that an ordinary user's PATH leaves out (Debian Policy §9.1, `/etc/login.defs` ENV_PATH). */
const SYSTEM_FOLDERS = ["/usr/sbin", "/sbin"];

/** This process's PATH with the folders of system programs behind it: what every program is looked for in, in every place. */
export function programPath(): string {
  const folders = (process.env.PATH || "/usr/local/bin:/usr/bin:/bin").split(":");
  return [...folders, ...SYSTEM_FOLDERS.filter((folder) => !folders.includes(folder))].join(":");
}

/** The file that `run([program])` on the host would start, or undefined when it is not installed. */
export function findProgram(program: string): string | undefined {
  const candidates = program.includes("/")
    ? [program]
    : programPath()
        .split(":")
        .map((folder) => join(folder || ".", program));
  return candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return statSync(path).isFile();
    } catch {
      return false;
    }
  });
}

function environment(own: Readonly<Record<string, string>>, given: Readonly<Record<string, string>> | undefined) {
  return { PATH: programPath(), ...own, ...given };
}

function start<T extends Options>(argv: readonly string[], place: Place, options: T) {
  tellCommand(argv, place);
  const [file, ...args] = wrapForPlace(place, argv, options.stdio === "inherit" && envSetsSignals());
  // A session of its own keeps the terminal's Ctrl-C from programs that we end ourselves, in order.
  return execa(file!, args, { detached: options.stdio !== "inherit", ...options });
}

/** GNU's env can make a program ignore or obey signals (coreutils 8.31); busybox's cannot: there Ctrl-C ends a program in a lab at once. */
function envSetsSignals(): boolean {
  const argv = ["--ignore-signal=INT", "true"];
  return execaSync("env", argv, { reject: false, stdio: "ignore", env: environment({}, undefined) }).exitCode === 0;
}

/**
 * Runs a program to its end and returns what it wrote.
 * @throws ProcessError `E_COMMAND_NOT_FOUND`, `E_COMMAND_TIMEOUT` or `E_COMMAND_FAILED`.
 */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const timeoutMs = options.timeoutMs ?? 10_000;
  const result = await start(argv, options.place ?? HOST, {
    reject: false,
    timeout: timeoutMs,
    forceKillAfterDelay: 1000,
    stripFinalNewline: false,
    env: environment({ LC_ALL: "C" }, options.env),
    ...(options.input === undefined ? { stdin: "ignore" as const } : { input: options.input }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.signal ? { cancelSignal: options.signal } : {}),
  });
  return outcome(argv, result, options, timeoutMs);
}

/**
 * Runs a short program and lets nothing else happen meanwhile: for what is found to be needed in the middle of the packet
 * path, once. Throws as `run` does.
 */
export function runSync(argv: readonly string[], options: Omit<RunOptions, "signal"> = {}): RunResult {
  const timeoutMs = options.timeoutMs ?? 10_000;
  const place = options.place ?? HOST;
  tellCommand(argv, place);
  const [file, ...args] = wrapForPlace(place, argv);
  const result = execaSync(file!, args, {
    reject: false,
    timeout: timeoutMs,
    stripFinalNewline: false,
    env: environment({ LC_ALL: "C" }, options.env),
    ...(options.input === undefined ? { stdin: "ignore" as const } : { input: options.input }),
  });
  return outcome(argv, result, options, timeoutMs);
}

/** What execa tells of a program that has ended. */
interface Ended {
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly timedOut: boolean;
  readonly code?: string | undefined;
  /** Undefined when the program could not be started. */
  readonly stdout: string | undefined;
  readonly stderr: string | undefined;
  readonly durationMs: number;
}

function outcome(argv: readonly string[], result: Ended, options: RunOptions, timeoutMs: number): RunResult {
  const { stdout = "", stderr = "" } = result;
  const exit: Exit = {
    exitCode: result.exitCode,
    signal: result.signal,
    timedOut: result.timedOut,
    notFound: isNotFound(result.code, result.exitCode, stderr, argv[0]!),
    stderr: stderr.slice(-4000),
    durationMs: result.durationMs,
  };
  if (exit.exitCode === undefined || !(options.okCodes ?? [0]).includes(exit.exitCode))
    throw failure(argv, exit, timeoutMs);
  return { stdout, stderr, exitCode: exit.exitCode, durationMs: result.durationMs };
}

// setpriv, nsenter or ip start the program: when there is none, they say so (setpriv and nsenter exit with 127).
export function isNotFound(
  code: string | undefined,
  exitCode: number | undefined,
  stderr: string,
  program: string,
): boolean {
  if (code === "ENOENT") return true;
  return (exitCode === 127 && stderr.includes("failed to execute")) || stderr.includes(`exec of "${program}" failed`);
}

/** The error that tells how `argv` ended. */
export function failure(argv: readonly string[], exit: Exit, timeoutMs?: number): ProcessError {
  const program = argv[0]!;
  if (exit.notFound) {
    // What is started is the wrapping of a place: without it, nothing is found.
    const missing = findProgram("setpriv") === undefined ? "setpriv" : program;
    const needed = missing === program ? "" : `, and ${program} is run by it`;
    return new ProcessError(
      "E_COMMAND_NOT_FOUND",
      `cannot run ${missing}: it is not installed${needed}`,
      argv,
      exit,
      installHint(missing),
    );
  }
  if (exit.timedOut) {
    return new ProcessError(
      "E_COMMAND_TIMEOUT",
      `${program} did not finish within ${timeoutMs} ms: ${shellQuote(argv)}`,
      argv,
      exit,
    );
  }
  const ended = exit.signal ? `was ended by ${exit.signal}` : `failed with exit code ${exit.exitCode}`;
  const lastWords = exit.stderr.trim().split("\n").slice(-3).join("; ");
  return new ProcessError("E_COMMAND_FAILED", `${program} ${ended}${lastWords ? `: ${lastWords}` : ""}`, argv, exit);
}

export interface SpawnOptions {
  readonly place?: Place;
  /** Default: all three are this process's own (`inherit`) when true, else pipes (standard input closed). */
  readonly inherit?: boolean;
  readonly stdin?: "pipe" | "ignore";
  /** A descriptor to write to instead of the pipe (core/pipe.ts). */
  readonly stdout?: number;
  readonly stderr?: "pipe" | "ignore";
  readonly env?: Readonly<Record<string, string>>;
}

/** A running program. Disposing of it kills it and waits for its end. */
export interface Child extends AsyncDisposable {
  readonly argv: readonly string[];
  /** What was started: the program itself, or in a lab what wraps it. 0 when it could not be started. */
  readonly pid: number;
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** Sends a signal to the program itself, not to what wraps it. False when it is gone. */
  signal(signal: NodeJS.Signals): boolean;
  /** Sends a signal to all that is left of the program and of what it has started (not for one that inherits our streams). */
  signalGroup(signal: NodeJS.Signals): boolean;
  /** Resolves, never rejects, when the program has ended. `stderr` is empty: the stream has it. */
  readonly ended: Promise<Exit>;
}

/** Starts a program that runs beside this one. It is killed when this process ends, however that happens. */
export function spawn(argv: readonly string[], options: SpawnOptions = {}): Child {
  const place = options.place ?? HOST;
  const subprocess = start(argv, place, {
    reject: false,
    buffer: false,
    ...(options.inherit
      ? { stdio: "inherit" as const }
      : {
          stdin: options.stdin ?? "ignore",
          stdout: (options.stdout ?? "pipe") as "pipe",
          stderr: options.stderr ?? "pipe",
        }),
    env: environment(options.inherit ? {} : { LC_ALL: "C" }, options.env),
  });
  const outer = subprocess.pid;
  const ended = subprocess.then(
    (result): Exit => ({
      exitCode: result.exitCode,
      signal: result.signal,
      timedOut: false,
      notFound: result.code === "ENOENT" || result.exitCode === 127,
      stderr: "",
      durationMs: result.durationMs,
    }),
  );
  let running = true;
  void ended.then(() => {
    running = false;
  });
  const signal = (name: NodeJS.Signals): boolean => {
    if (!running || outer === undefined) return false;
    try {
      return process.kill(place.lab ? (onlyChildOf(outer) ?? outer) : outer, name);
    } catch {
      return false;
    }
  };
  return {
    argv,
    pid: outer ?? 0,
    stdin: subprocess.stdin,
    stdout: subprocess.stdout,
    stderr: subprocess.stderr,
    signal,
    signalGroup(name) {
      if (outer === undefined || options.inherit) return false;
      try {
        return process.kill(-outer, name);
      } catch {
        return false;
      }
    },
    ended,
    async [Symbol.asyncDispose]() {
      // The program itself: what wraps it ends after it, so that both are gone when this returns.
      if (running && !signal("SIGKILL")) subprocess.kill("SIGKILL");
      await ended;
    },
  };
}

/**
 * Starts a program that outlives this process, its standard streams closed: a lab's holder.
 * @returns its PID, once it has been started.
 */
export async function spawnDetached(argv: readonly string[]): Promise<number> {
  const [file, ...args] = argv;
  const subprocess = execa(file!, args, {
    reject: false,
    buffer: false,
    detached: true,
    cleanup: false,
    stdio: "ignore",
    env: environment({}, undefined),
  });
  subprocess.unref();
  if (subprocess.pid === undefined) {
    const result = await subprocess;
    throw failure(argv, {
      exitCode: undefined,
      signal: undefined,
      timedOut: false,
      notFound: result.code === "ENOENT",
      stderr: "",
      durationMs: 0,
    });
  }
  return subprocess.pid;
}

/** nsenter forks once for the PID namespace: the program is its only child (proc(5), `children`). So does unshare. */
export function onlyChildOf(pid: number): number | undefined {
  try {
    const child = Number.parseInt(readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1"), 10);
    return Number.isNaN(child) ? undefined : child;
  } catch {
    return undefined;
  }
}

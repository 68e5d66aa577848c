/**
 * Commands on a virtual machine's serial console, as if on another host: their output as it comes, and their exit code. The console is
 * one line for all (standard output and error are one, and there is no standard input); QEMU lets one client in at a time, the next waits.
 */
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { messageOf, TapscopeError } from "../../core/errors.ts";
import { shellQuote } from "../../core/text.ts";

/** A terminal line holds 4096 bytes in canonical mode (termios(3)); what is longer would be cut. */
const LINE_LIMIT = 4000;
/** When a command has not begun by then, one of an earlier client that was killed is still running: it is interrupted. */
const BEGIN_MS = 5000;
const INTERRUPT = "\x03";

export interface ConsoleOptions {
  /** Gets the output as it comes. */
  readonly onOutput: (bytes: Buffer) => void;
  /** Interrupts the command, as Ctrl-C on its terminal would. */
  readonly signal?: AbortSignal;
}

/**
 * Runs a command on the console at `path` (a unix socket).
 * @returns its exit code; 130 when it was interrupted
 * @throws TapscopeError `E_VM_CONSOLE` when the machine ends or does not answer, `E_VM_COMMAND` for one that is too long
 */
export async function runOnConsole(
  path: string,
  vm: string,
  argv: readonly string[],
  options: ConsoleOptions,
): Promise<number> {
  const mark = randomBytes(12).toString("hex");
  const command = shellQuote(argv);
  // The marks are put together by the shell: an echo of this line is not taken for them.
  const line = `printf %s%s ${mark} begin; ${command} </dev/null; printf %s%d. ${mark} $?\n`;
  if (Buffer.byteLength(line) > LINE_LIMIT || /[\0-\x08\n\r\x0b-\x1f\x7f]/.test(command)) {
    throw new TapscopeError("E_VM_COMMAND", `the serial console of VM ${vm} takes no such command`, {
      hint: "it is a terminal line: at most about 3900 bytes, without newlines and control characters",
    });
  }
  const socket = await open(path, vm);
  return await new Promise<number>((resolve, reject) => {
    const parser = new Output(mark, options.onOutput);
    const interrupt = () => void socket.write(INTERRUPT);
    let tries = 0;
    const begin = setInterval(() => {
      if (parser.begun) return clearInterval(begin);
      if (++tries > 6) return fail(`it does not answer on its console within ${(tries * BEGIN_MS) / 1000} s`);
      interrupt();
      socket.write(`\n${line}`);
    }, BEGIN_MS);
    const done = () => {
      clearInterval(begin);
      options.signal?.removeEventListener("abort", onAbort);
      socket.removeAllListeners().on("error", () => {});
      socket.destroy();
    };
    const fail = (why: string) => {
      done();
      reject(new TapscopeError("E_VM_CONSOLE", `could not run ${argv[0]} in VM ${vm}: ${why}`));
    };
    // The shell that would say the exit code dies of the interrupt too; another takes its place.
    const onAbort = () => {
      interrupt();
      setTimeout(() => {
        done();
        resolve(130);
      }, 200);
    };
    options.signal?.addEventListener("abort", onAbort);
    if (options.signal?.aborted) onAbort();
    socket.on("data", (bytes: Buffer) => {
      const exitCode = parser.feed(bytes);
      if (exitCode === undefined) return;
      done();
      resolve(exitCode);
    });
    socket.on("error", (error) => fail(messageOf(error)));
    socket.on("close", () => fail("the machine has ended"));
    socket.write(line);
  });
}

function open(path: string, vm: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => resolve(socket.removeListener("error", refuse)));
    const refuse = (cause: Error) =>
      reject(
        new TapscopeError("E_VM_CONSOLE", `VM ${vm} does not run: its console is closed`, {
          hint: "tapscope lab up --vms starts what does not run",
          cause,
        }),
      );
    socket.on("error", refuse);
  });
}

/** Finds a command's output between its marks, whatever way it is cut into pieces, and hands it on as it comes. */
export class Output {
  readonly #begin: Buffer;
  readonly #end: Buffer;
  readonly #onOutput: (bytes: Buffer) => void;
  #pending: Buffer = Buffer.alloc(0);
  #begun = false;

  constructor(mark: string, onOutput: (bytes: Buffer) => void) {
    this.#begin = Buffer.from(`${mark}begin`);
    this.#end = Buffer.from(mark);
    this.#onOutput = onOutput;
  }

  get begun(): boolean {
    return this.#begun;
  }

  /** @returns the exit code, once it has come */
  feed(bytes: Buffer): number | undefined {
    this.#pending = Buffer.concat([this.#pending, bytes]);
    if (!this.#begun) {
      const at = this.#pending.indexOf(this.#begin);
      if (at === -1) {
        this.#pending = this.#pending.subarray(-this.#begin.length);
        return undefined;
      }
      this.#begun = true;
      this.#pending = this.#pending.subarray(at + this.#begin.length);
    }
    const end = this.#pending.indexOf(this.#end);
    this.#give(end === -1 ? this.#pending.length - this.#end.length : end);
    if (end === -1) return undefined;
    const word = this.#pending.toString("latin1", this.#end.length);
    // A command that was given twice, as nobody seemed to take the first, may begin twice.
    if (word.startsWith("begin")) {
      this.#begun = false;
      return this.feed(Buffer.alloc(0));
    }
    const code = /^(\d+)\./.exec(word);
    return code ? Number(code[1]) : undefined;
  }

  #give(length: number): void {
    if (length <= 0) return;
    this.#onOutput(this.#pending.subarray(0, length));
    this.#pending = this.#pending.subarray(length);
  }
}

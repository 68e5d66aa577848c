/**
 * The errors tapscope shows its users: what failed, why, and what to do.
 * The command line alone turns an error into an exit code (src/cli/exit.ts).
 */

/** A stable name for scripts: `E_` and upper-case words, e.g. `E_MIRROR_OUTPUT_BUSY`. */
export type ErrorCode = `E_${string}`;

export interface ErrorOptions {
  /** What the user can do about it, one sentence. */
  readonly hint?: string | undefined;
  /** The error that led to this one. */
  readonly cause?: unknown;
}

/** An error meant for a user: `message` reads `<what failed>: <why>`. */
export class TapscopeError extends Error {
  override readonly name: string = "TapscopeError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

/** The arguments themselves are wrong, whatever the state of the machine: exit code 2. */
export class UsageError extends TapscopeError {
  override readonly name = "UsageError";

  constructor(message: string, options: ErrorOptions = {}) {
    super("E_USAGE", message, options);
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

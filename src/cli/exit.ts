/** What a command's end means to a script (docs/reference/cli.md): 0 done, 1 failed or damaged input, 2 wrong arguments, 3 the answer is no. */
import { TapscopeError, UsageError } from "../core/errors.ts";
import { sanitize } from "../core/text.ts";

export const EXIT_DONE = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
export const EXIT_NO = 3;

/** Writes an error to stderr as people (or, with `json`, scripts) read it, and returns the exit code it calls for. */
export function reportError(error: unknown, options: { readonly json: boolean; readonly verbose: boolean }): number {
  const known = error instanceof TapscopeError;
  const code = known ? error.code : "E_INTERNAL";
  const message = error instanceof Error ? error.message : String(error);
  const hint = known ? error.hint : "this is a fault in tapscope: please report it with the output of -v";
  if (options.json) {
    process.stderr.write(`${JSON.stringify({ error: { code, message, hint: hint ?? null } })}\n`);
  } else {
    process.stderr.write(`tapscope: ${sanitize(message)}\n${hint ? `hint: ${sanitize(hint)}\n` : ""}`);
  }
  if (options.verbose && error instanceof Error && error.stack) process.stderr.write(`${sanitizeLines(error.stack)}\n`);
  return error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED;
}

function sanitizeLines(text: string): string {
  return text.split("\n").map(sanitize).join("\n");
}

/** Errors that say what could not be done to a mirror, and why. */
import { type ErrorCode, TapscopeError } from "../core/errors.ts";

/** "could not <doing>: <why>". */
export function refusal(code: ErrorCode, why: string, hint?: string, doing = "create the mirror"): TapscopeError {
  return new TapscopeError(code, `could not ${doing}: ${why}`, { hint });
}

/** Options that take one of a few words. */
import { UsageError } from "../core/errors.ts";

/** A parser of such an option. @throws UsageError naming the words for any other */
export function choice<T extends string>(allowed: readonly T[], option: string): (text: string) => T {
  return (text) => {
    if ((allowed as readonly string[]).includes(text)) return text as T;
    throw new UsageError(`${option} must be one of ${allowed.join(", ")}, not '${text}'`);
  };
}

/** Parsers of options. */
import { InvalidArgumentError } from "commander";
import { UsageError } from "../core/errors.ts";

/** A parser of such an option. @throws UsageError naming the words for any other */
export function choice<T extends string>(allowed: readonly T[], option: string): (text: string) => T {
  return (text) => {
    if ((allowed as readonly string[]).includes(text)) return text as T;
    throw new UsageError(`${option} must be one of ${allowed.join(", ")}, not '${text}'`);
  };
}

/** A number as text, to be read with its bounds when it is used. @throws InvalidArgumentError for anything but a whole number above 0 */
export function wholeNumber(text: string): string {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError("a whole number above 0.");
  return text;
}

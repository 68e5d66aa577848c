/** Names and numbers that Open vSwitch or the kernel would take wrongly, refused before they get there. */
import { UsageError } from "../core/errors.ts";
import { sanitize } from "../core/text.ts";

/** Words that stand for something else in commands. */
const RESERVED = new Set(["all", "create", "delete", "list", "attach", "mirror", "default", "lo"]);

/**
 * Checks the name of a device to be made. Linux holds 15 bytes (IFNAMSIZ - 1), and OVS truncates a longer one silently; the kernel
 * refuses `/`, `:` and white space and takes `%` for a format (net/core/dev.c, dev_valid_name).
 * @param what what the name is of, for the message: `tap`, `bridge`, `tunnel`
 * @throws UsageError
 */
export function checkName(name: string, what: string): void {
  const bytes = Buffer.byteLength(name);
  const refuse = (why: string): never => {
    throw new UsageError(`not a name for a ${what}: '${sanitize(name)}': ${why}`, {
      hint: "1 to 15 bytes, no '/', ':', '%', quotes, commas or white space, and not only digits",
    });
  };
  if (bytes === 0) refuse("it is empty");
  if (bytes > 15) refuse(`it has ${bytes} bytes, a network device's name has at most 15`);
  if (name === "." || name === ".." || name.startsWith("-")) refuse("it is reserved");
  if (/[\s/:%"'\\,;{}[\]]|\p{C}/u.test(name)) refuse("it holds a character that is not allowed");
  if (/^\d+$/.test(name)) refuse("it would be taken for a number");
  if (RESERVED.has(name)) refuse(`'${name}' is a reserved word`);
}

/** The first `count` names `<prefix><n>` that `taken` does not hold. */
export function freeNames(prefix: string, count: number, taken: ReadonlySet<string>): string[] {
  const names: string[] = [];
  for (let n = 0; names.length < count; n++) {
    const name = `${prefix}${n}`;
    if (!taken.has(name)) names.push(name);
  }
  return names;
}

/** A UUID as OVSDB writes it. */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
}

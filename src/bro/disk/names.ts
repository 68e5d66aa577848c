/** Names from the guest: which of them may become file names here, and how paths are shown. */
import { sanitizeBytes } from "../../core/text.ts";

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Why `name` must not become a file name on this host, or null. */
export function illegalName(name: Buffer): string | null {
  if (name.length === 0) return "an empty name";
  if (name.length > 255) return "a name of more than 255 bytes";
  if (name.includes(0x2f)) return "a name with a slash in it";
  if (name.includes(0)) return "a name with a NUL in it";
  if (name.length <= 2 && name.every((byte) => byte === 0x2e)) return `a file named ${name}`;
  return null;
}

/** Exact text where the bytes are UTF-8, else the bytes that are not ASCII as `\xNN`. */
export function pathText(path: Buffer): string {
  return decode(path) ?? sanitizeBytes(path);
}

/** `path` and, where it is not UTF-8, `path_b64` with the exact bytes: for JSON. */
export function pathKeys(path: Buffer, key = "path"): Record<string, string> {
  const text = decode(path);
  return text === null ? { [key]: sanitizeBytes(path), [`${key}_b64`]: path.toString("base64") } : { [key]: text };
}

function decode(path: Buffer): string | null {
  try {
    return UTF8.decode(path);
  } catch {
    return null;
  }
}

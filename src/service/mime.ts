/** A file's type by its first bytes, under the names that Zeek's signatures give (base/frameworks/files/magic). */
import { latin1 } from "./cursor.ts";

/** The type of what begins with these bytes; undefined where it is not known. */
export function mimeType(bytes: Uint8Array): string | undefined {
  const text = latin1(bytes);
  return /^[\t\n\r\x20-\x7e]+$/.test(text) ? "text/plain" : undefined;
}

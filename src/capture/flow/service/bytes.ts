/** Looking at the first bytes of a payload, without ever reading past what was captured. */

/** Whether `data[offset, end)` begins with these ASCII bytes. */
export function startsWith(data: Uint8Array, offset: number, end: number, text: string): boolean {
  if (end - offset < text.length) return false;
  for (let i = 0; i < text.length; i++) if (data[offset + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** As `startsWith`, letters of either case; `text` is in upper case. */
export function startsWithAnyCase(data: Uint8Array, offset: number, end: number, text: string): boolean {
  if (end - offset < text.length) return false;
  for (let i = 0; i < text.length; i++) {
    const byte = data[offset + i]!;
    const upper = byte >= 0x61 && byte <= 0x7a ? byte - 32 : byte;
    if (upper !== text.charCodeAt(i)) return false;
  }
  return true;
}

/** The offset of these ASCII bytes (upper case; either is found) before `end`, or -1. */
export function indexOfAnyCase(data: Uint8Array, offset: number, end: number, text: string): number {
  const first = text.charCodeAt(0);
  const lower = first >= 0x41 && first <= 0x5a ? first + 32 : first;
  for (let at = offset; at + text.length <= end; at++) {
    const byte = data[at];
    if ((byte === first || byte === lower) && startsWithAnyCase(data, at, end, text)) return at;
  }
  return -1;
}

/** Printable bytes as text: names from the wire; what is not printable ends it. */
export function nameFrom(data: Uint8Array, offset: number, end: number, most = 255): string | undefined {
  let text = "";
  for (let at = offset; at < end && text.length < most; at++) {
    const byte = data[at]!;
    if (byte <= 0x20 || byte >= 0x7f) break;
    text += String.fromCharCode(byte);
  }
  return text === "" ? undefined : text;
}

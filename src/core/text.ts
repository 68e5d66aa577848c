/**
 * Makes text from packets, disks, logs and OVSDB safe to show on a terminal.
 *
 * Control characters (C0, DEL, C1: U+009B is a CSI to many terminals), bidirectional controls (which reorder what
 * is read), and invisible format characters are written as visible escapes.
 */

// C0, DEL, C1 · soft hyphen · zero-width, directional marks, line/paragraph separators, bidi embeddings and isolates · BOM ·
// lone surrogates · interlinear annotation · tags
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|\udb40[\udc00-\udc7f]/g;

/** `text` with every character that could act on a terminal written as `\xNN` or `\u{N…}`. Printable text is unchanged. */
export function sanitize(text: string): string {
  return text.replace(UNSAFE, (match) => {
    const point = match.codePointAt(0)!;
    return point < 0x100 ? `\\x${point.toString(16).padStart(2, "0")}` : `\\u{${point.toString(16)}}`;
  });
}

/** Bytes that are probably UTF-8 as safe text; bytes that are not UTF-8 become `\xNN`. */
export function sanitizeBytes(bytes: Uint8Array): string {
  try {
    return sanitize(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    let text = "";
    for (const byte of bytes) {
      text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
    }
    return text;
  }
}

/** An argument vector as a line that can be pasted into a POSIX shell. */
export function shellQuote(argv: readonly string[]): string {
  return argv.map((word) => (/^[\w%+,./:=@^-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(" ");
}

/**
 * Text of the network in logs, as Zeek's ASCII writer has it with UTF-8 allowed (its default): valid UTF-8 stays, other bytes and
 * control characters become `\xNN`.
 */

const PLAIN = /^[\x20-\x5b\x5d-\x7e]*$/;
const hex = (byte: number): string => `\\x${byte.toString(16).padStart(2, "0")}`;

/** The length of the valid UTF-8 sequence at `at` (RFC 3629 §4), 0 where there is none. Surrogates and overlong forms are not valid. */
function utf8Length(text: string, at: number): number {
  const first = text.charCodeAt(at);
  const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length === 0 || at + length > text.length) return 0;
  for (let i = 1; i < length; i++) if ((text.charCodeAt(at + i) & 0xc0) !== 0x80) return 0;
  const second = text.charCodeAt(at + 1);
  if (first === 0xe0 && second < 0xa0) return 0;
  if (first === 0xed && second > 0x9f) return 0;
  if (first === 0xf0 && second < 0x90) return 0;
  if (first === 0xf4 && second > 0x8f) return 0;
  return length;
}

/**
 * Escapes text given as one character a byte. `separator`, where given, is a character that must not appear in the result.
 * A backslash is doubled, so that escapes can be told from text.
 */
export function escapeWireText(text: string, separator?: string): string {
  if (PLAIN.test(text) && (separator === undefined || !text.includes(separator))) return text;
  let out = "";
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code >= 0x80) {
      const length = utf8Length(text, at);
      const decoded = length > 0 ? Buffer.from(text.slice(at, at + length), "latin1").toString("utf8") : "";
      // U+0080 to U+009F are control characters, some of which terminals obey.
      if (length > 0 && decoded.codePointAt(0)! >= 0xa0) {
        out += decoded;
        at += length;
        continue;
      }
      out += hex(code);
    } else if (code < 0x20 || code === 0x7f || text[at] === separator) out += hex(code);
    else out += code === 0x5c ? "\\\\" : text[at];
    at++;
  }
  return out;
}

/** ASN.1 in DER or BER (ITU-T X.690 §8), read element by element; lengths that lie end the element at what there is. */

export interface Element {
  /** Identifier octet: class, constructed bit, number (numbers above 30 are not told apart). */
  readonly tag: number;
  /** The contents. */
  readonly bytes: Uint8Array;
  /** Identifier, length and contents. */
  readonly whole: Uint8Array;
}

export const BOOLEAN = 0x01;
export const INTEGER = 0x02;
export const BIT_STRING = 0x03;
export const OCTET_STRING = 0x04;
export const OID = 0x06;
export const ENUMERATED = 0x0a;
export const UTC_TIME = 0x17;
export const SEQUENCE = 0x30;
export const SET = 0x31;

/** The element at `at`; undefined where there is none. */
export function elementAt(bytes: Uint8Array, at: number): Element | undefined {
  if (at + 2 > bytes.length) return undefined;
  const tag = bytes[at]!;
  let length = bytes[at + 1]!;
  let from = at + 2;
  if (length === 0x80) return undefined;
  if (length > 0x80) {
    const octets = length & 0x7f;
    if (octets > 4 || from + octets > bytes.length) return undefined;
    length = 0;
    for (let i = 0; i < octets; i++) length = length * 256 + bytes[from + i]!;
    from += octets;
  }
  if (from + length > bytes.length) return undefined;
  return { tag, bytes: bytes.subarray(from, from + length), whole: bytes.subarray(at, from + length) };
}

/** The elements in a constructed one, as far as they are whole. */
export function elementsOf(bytes: Uint8Array): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    const element = elementAt(bytes, at);
    if (!element) break;
    found.push(element);
    at += element.whole.length;
  }
  return found;
}

/** The bytes that a BER message at the beginning of `bytes` takes, 0 while that is not known, -1 where it is not BER. */
export function messageLength(bytes: Uint8Array): number {
  if (bytes.length < 2) return 0;
  const first = bytes[1]!;
  if (first < 0x80) return 2 + first;
  const octets = first & 0x7f;
  if (octets === 0 || octets > 4) return -1;
  if (bytes.length < 2 + octets) return 0;
  let length = 0;
  for (let i = 0; i < octets; i++) length = length * 256 + bytes[2 + i]!;
  return 2 + octets + length;
}

/** A non-negative INTEGER or ENUMERATED as far as a double holds it exactly; NaN otherwise. */
export function integerValue({ bytes }: Element): number {
  let value = 0;
  for (const byte of bytes) value = value * 256 + byte;
  return bytes.length > 0 && Number.isSafeInteger(value) ? value : Number.NaN;
}

/** An object identifier in dotted form; arcs past 2^53 are cut. */
export function oidText(bytes: Uint8Array): string {
  const arcs: number[] = [];
  let value = 0;
  for (const byte of bytes) {
    value = value * 128 + (byte & 0x7f);
    if (byte & 0x80) continue;
    if (arcs.length === 0) {
      const first = Math.min(2, Math.floor(value / 40));
      arcs.push(first, value - first * 40);
    } else arcs.push(value);
    value = 0;
  }
  return arcs.join(".");
}

/** A growing buffer of text, for writing records in big pieces without a string for each value. */

const HEX = pairs(256, (byte) => byte.toString(16).padStart(2, "0"));
const DECIMAL = pairs(100, (value) => String(value).padStart(2, "0"));
const BASE62 = Buffer.from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "latin1");
/** Bytes that the methods which write whole words may touch behind what they write. */
const SLACK = 4;

/** Two characters for each number below `count`, as a little-endian word. */
function pairs(count: number, text: (value: number) => string): Uint16Array {
  return Uint16Array.from({ length: count }, (_, value) => Buffer.from(text(value), "latin1").readUInt16LE());
}

/** ASCII text that is written again and again, prepared to be copied in words of four bytes. */
export class Ascii {
  readonly words: Uint32Array;
  readonly length: number;

  constructor(text: string) {
    const padded = Buffer.alloc(Math.ceil(text.length / 4) * 4);
    padded.write(text, "latin1");
    this.words = Uint32Array.from({ length: padded.length / 4 }, (_, i) => padded.readUInt32LE(i * 4));
    this.length = text.length;
  }
}

export class ByteWriter {
  bytes: Buffer;
  length = 0;
  #view: DataView;

  constructor(size = 256 * 1024) {
    this.bytes = Buffer.allocUnsafeSlow(size);
    this.#view = new DataView(this.bytes.buffer);
  }

  /** Makes room for `more` bytes: call before the methods below, which do not check. */
  reserve(more: number): void {
    if (this.length + more + SLACK <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + more + SLACK));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
    this.#view = new DataView(larger.buffer);
  }

  byte(code: number): void {
    this.bytes[this.length++] = code;
  }

  ascii(text: Ascii): void {
    const { words } = text;
    const view = this.#view;
    const at = this.length;
    for (let i = 0; i < words.length; i++) view.setUint32(at + i * 4, words[i]!, true);
    this.length = at + text.length;
  }

  /** Any text; reserves its own room. */
  text(text: string): void {
    this.reserve(text.length * 3);
    this.length += this.bytes.write(text, this.length, "utf8");
  }

  /** A whole number from 0 to 2^53. */
  integer(value: number): void {
    if (value < 10) this.bytes[this.length++] = 0x30 + value;
    else if (value < 2 ** 31) this.#digits(value);
    else {
      this.integer(Math.floor(value / 1e9));
      this.padded(value % 1e9, 9);
    }
  }

  #digits(value: number): void {
    let size = 2;
    for (let power = 100; power <= value && size < 10; power *= 10) size++;
    this.padded(value, size);
  }

  /** Exactly `digits` digits, with leading zeros; at most 10. */
  padded(value: number, digits: number): void {
    const view = this.#view;
    let rest = value | 0;
    let at = this.length + digits;
    const start = this.length + (digits & 1);
    this.length = at;
    while (at > start) {
      const next = (rest / 100) | 0;
      at -= 2;
      view.setUint16(at, DECIMAL[rest - next * 100]!, true);
      rest = next;
    }
    if (start > this.length - digits) this.bytes[at - 1] = 0x30 + (rest % 10);
  }

  ipv4(word: number): void {
    this.integer(word >>> 24);
    this.byte(0x2e);
    this.integer((word >>> 16) & 255);
    this.byte(0x2e);
    this.integer((word >>> 8) & 255);
    this.byte(0x2e);
    this.integer(word & 255);
  }

  /** A 32-bit number as six digits of base 62. */
  base62(word: number): void {
    let rest = word >>> 0;
    const end = this.length + 6;
    for (let at = end - 1; at >= this.length; at--) {
      const next = Math.floor(rest / 62);
      this.bytes[at] = BASE62[rest - next * 62]!;
      rest = next;
    }
    this.length = end;
  }

  mac(bytes: Uint8Array, offset: number): void {
    const view = this.#view;
    let at = this.length;
    for (let i = 0; i < 6; i++) {
      view.setUint16(at, HEX[bytes[offset + i]!]!, true);
      view.setUint8(at + 2, 0x3a);
      at += 3;
    }
    this.length = at - 1;
  }
}

/** A growing buffer of ASCII text, for writing records in big pieces without a string for each value. */

const ZERO = 0x30;
const HEX = Buffer.from("0123456789abcdef", "latin1");
const BASE62 = Buffer.from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "latin1");

export class ByteWriter {
  bytes = Buffer.allocUnsafe(256 * 1024);
  length = 0;

  /** Makes room for `more` bytes: call before the methods below, which do not check. */
  reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.length + more));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }

  byte(code: number): void {
    this.bytes[this.length++] = code;
  }

  /** Bytes prepared beforehand. */
  raw(bytes: Uint8Array): void {
    const to = this.bytes;
    let at = this.length;
    for (let i = 0; i < bytes.length; i++) to[at++] = bytes[i]!;
    this.length = at;
  }

  /** Any text; reserves its own room. */
  text(text: string): void {
    this.reserve(text.length * 3);
    this.length += this.bytes.write(text, this.length, "utf8");
  }

  /** A whole number from 0 to 2^53. */
  integer(value: number): void {
    if (value >= 2 ** 31) {
      this.#digits(Math.floor(value / 1e9));
      this.padded(value % 1e9, 9);
    } else {
      this.#digits(value);
    }
  }

  #digits(value: number): void {
    let rest = value;
    if (rest >= 2 ** 31) {
      this.text(String(rest));
      return;
    }
    let size = 1;
    for (let power = 10; power <= rest && size < 10; power *= 10) size++;
    let at = this.length + size;
    this.length = at;
    do {
      const next = (rest / 10) | 0;
      this.bytes[--at] = ZERO + rest - next * 10;
      rest = next;
    } while (rest > 0);
  }

  /** Exactly `digits` digits, with leading zeros; at most 9. */
  padded(value: number, digits: number): void {
    let rest = value;
    let at = this.length + digits;
    this.length = at;
    for (let i = 0; i < digits; i++) {
      const next = (rest / 10) | 0;
      this.bytes[--at] = ZERO + rest - next * 10;
      rest = next;
    }
  }

  ipv4(word: number): void {
    this.#digits(word >>> 24);
    this.byte(0x2e);
    this.#digits((word >>> 16) & 255);
    this.byte(0x2e);
    this.#digits((word >>> 8) & 255);
    this.byte(0x2e);
    this.#digits(word & 255);
  }

  /** A 32-bit number as six digits of base 62. */
  base62(word: number): void {
    let rest = word;
    const end = this.length + 6;
    for (let at = end - 1; at >= this.length; at--) {
      const next = Math.floor(rest / 62);
      this.bytes[at] = BASE62[rest - next * 62]!;
      rest = next;
    }
    this.length = end;
  }

  mac(bytes: Uint8Array, offset: number): void {
    for (let i = 0; i < 6; i++) {
      if (i > 0) this.byte(0x3a);
      this.byte(HEX[bytes[offset + i]! >> 4]!);
      this.byte(HEX[bytes[offset + i]! & 15]!);
    }
  }
}

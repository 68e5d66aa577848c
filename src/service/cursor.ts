/** Reads numbers and text from bytes that may lie about their lengths: past the end everything is 0 or empty, and `ok` is false. */

export class Cursor {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;
  /** False once something was read past the end. */
  ok = true;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = Math.min(end, bytes.length);
  }

  get left(): number {
    return this.end - this.at;
  }

  u8(): number {
    return this.#number(1);
  }

  u16(): number {
    return this.#number(2);
  }

  u24(): number {
    return this.#number(3);
  }

  u32(): number {
    return this.#number(4);
  }

  /** Little-endian. */
  le(length: number): number {
    if (!this.#has(length)) return 0;
    let value = 0;
    for (let i = length - 1; i >= 0; i--) value = value * 256 + this.bytes[this.at + i]!;
    this.at += length;
    return value;
  }

  /** The next `length` bytes, not copied. */
  take(length: number): Uint8Array {
    if (!this.#has(length)) return this.bytes.subarray(this.end, this.end);
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  /** A cursor over the next `length` bytes, or over what there is of them. */
  part(length: number): Cursor {
    if (length > this.left) this.ok = false;
    const size = Math.min(length, this.left);
    this.at += size;
    return new Cursor(this.bytes, this.at - size, this.at);
  }

  /** One character a byte. */
  text(length: number): string {
    return latin1(this.take(length));
  }

  rest(): Uint8Array {
    return this.take(this.left);
  }

  skip(length: number): void {
    if (this.#has(length)) this.at += length;
  }

  #number(length: number): number {
    if (!this.#has(length)) return 0;
    let value = 0;
    for (let i = 0; i < length; i++) value = value * 256 + this.bytes[this.at + i]!;
    this.at += length;
    return value;
  }

  #has(length: number): boolean {
    if (length >= 0 && length <= this.end - this.at) return true;
    this.ok = false;
    this.at = this.end;
    return false;
  }
}

/** Bytes as text with one character a byte. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

export function hexText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/** Dotted decimal of four bytes. */
export function ipv4Text(bytes: Uint8Array): string {
  return bytes.join(".");
}

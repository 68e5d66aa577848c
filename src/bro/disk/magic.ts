/** Bytes by which a format is recognised. */
export interface Magic {
  /** Where they stand; negative: counted from the end. */
  readonly at: number;
  readonly bytes: Buffer;
}

/** `bytes`: one character a byte. */
export function magic(at: number, bytes: string): Magic {
  return { at, bytes: Buffer.from(bytes, "latin1") };
}

/** True when one of `magics` stands in a thing that begins with `head` and ends with `tail`. */
export function recognises(magics: readonly Magic[], head: Buffer, tail: Buffer = Buffer.alloc(0)): boolean {
  return magics.some(({ at, bytes }) => {
    const from = at < 0 ? tail.length + at : at;
    return from >= 0 && (at < 0 ? tail : head).subarray(from, from + bytes.length).equals(bytes);
  });
}

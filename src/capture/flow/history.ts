/** Zeek's history strings: letters per row, upper case for the originator, in fixed room with a rare spill-over. */

/** Letters kept in place; longer histories go on in a map. */
const ROOM = 16;

export class History {
  #letters: Uint8Array;
  #lengths: Uint8Array;
  /** Bits of what has been noted once per direction: the responder's are shifted by 16. */
  #seen: Uint32Array;
  readonly #rest = new Map<number, string>();

  constructor(rows: number) {
    this.#letters = new Uint8Array(rows * ROOM);
    this.#lengths = new Uint8Array(rows);
    this.#seen = new Uint32Array(rows);
  }

  grow(rows: number): void {
    const letters = new Uint8Array(rows * ROOM);
    letters.set(this.#letters);
    this.#letters = letters;
    const lengths = new Uint8Array(rows);
    lengths.set(this.#lengths);
    this.#lengths = lengths;
    const seen = new Uint32Array(rows);
    seen.set(this.#seen);
    this.#seen = seen;
  }

  clear(row: number): void {
    if (this.#rest.size > 0) this.#rest.delete(row);
    this.#lengths[row] = 0;
    this.#seen[row] = 0;
  }

  /** Adds a letter given in upper case; the responder's becomes lower case. */
  add(row: number, code: number, fromOrig: boolean): void {
    const letter = fromOrig ? code : code | 0x20;
    const length = this.#lengths[row]!;
    if (length < ROOM) {
      this.#letters[row * ROOM + length] = letter;
      this.#lengths[row] = length + 1;
    } else {
      this.#spill(row, letter);
    }
  }

  #spill(row: number, letter: number): void {
    const rest = this.#rest.get(row) ?? "";
    // Zeek's own strings have no limit; no analyst reads on after 1000 letters.
    if (rest.length < 1000) this.#rest.set(row, rest + String.fromCharCode(letter));
  }

  /** Adds the letter the first time its bit is seen in that direction. @returns whether it was seen before. */
  check(row: number, bit: number, code: number, fromOrig: boolean): boolean {
    const mask = fromOrig ? bit : bit << 16;
    if ((this.#seen[row]! & mask) !== 0) return true;
    this.#seen[row]! |= mask;
    this.add(row, code, fromOrig);
    return false;
  }

  /** The roles change: what comes counts for the other side; letters already there stay, and `^` is added. */
  flip(row: number): void {
    const seen = this.#seen[row]!;
    this.#seen[row] = (seen << 16) | (seen >>> 16);
    this.add(row, 0x5e, true);
  }

  /** The roles change before anything but a SYN-ACK was seen: as if they had been right from the start. */
  flipFromStart(row: number): void {
    const seen = this.#seen[row]!;
    this.#seen[row] = (seen << 16) | (seen >>> 16);
    const length = this.#lengths[row]!;
    const start = row * ROOM;
    if (length >= ROOM) return;
    for (let i = length; i > 0; i--) this.#letters[start + i] = this.#letters[start + i - 1]! ^ 0x20;
    this.#letters[start] = 0x5e;
    this.#lengths[row] = length + 1;
  }

  length(row: number): number {
    return this.#lengths[row]!;
  }

  /** Whether there are more letters than those kept in place. */
  isLong(row: number): boolean {
    return this.#rest.size > 0 && this.#rest.has(row);
  }

  /** The letter at `index` of those kept in place. */
  letter(row: number, index: number): number {
    return this.#letters[row * ROOM + index]!;
  }

  text(row: number): string {
    const start = row * ROOM;
    let text = "";
    for (let i = 0; i < this.#lengths[row]!; i++) text += String.fromCharCode(this.#letters[start + i]!);
    return text + (this.#rest.get(row) ?? "");
  }
}

/** Zeek's history strings: letters per row, upper case for the originator; the first sixteen in the row, the rest among its extras. */
import { get8, put8 } from "../bytes";
import { Row } from "../generated/layouts";
import { addExtra, EXTRA_LETTERS, extraContent, extraLength, firstExtra, nextExtra } from "./extras";

/** Letters kept in the row. */
const ROOM: i32 = 16;
/** Zeek's own strings have no limit; no analyst reads on after 1000 letters. */
const MOST: i32 = ROOM + 1000;

// Bits of what is noted once per direction, and letters.
export const HIST_SYN: i32 = 1;
export const HIST_FIN: i32 = 2;
export const HIST_RST: i32 = 4;
export const HIST_DATA: i32 = 8;
export const HIST_ACK: i32 = 16;
export const HIST_MULTI: i32 = 32;
export const HIST_FIN_RST: i32 = 64;
export const LETTER_A: i32 = 0x41;
export const LETTER_C: i32 = 0x43;
export const LETTER_D: i32 = 0x44;
export const LETTER_F: i32 = 0x46;
export const LETTER_G: i32 = 0x47;
export const LETTER_H: i32 = 0x48;
export const LETTER_I: i32 = 0x49;
export const LETTER_Q: i32 = 0x51;
export const LETTER_R: i32 = 0x52;
export const LETTER_S: i32 = 0x53;
export const LETTER_T: i32 = 0x54;
export const LETTER_W: i32 = 0x57;
const FLIP: i32 = 0x5e;
const LOWER_CASE: i32 = 0x20;

/** Adds a letter given in upper case; the responder's becomes lower case. */
export function addLetter(row: Row, letter: i32, fromOrig: bool): void {
  const count = row.letterCount;
  if (count >= MOST) return;
  const place = count < ROOM ? row.letters + <usize>count : addExtra(row, EXTRA_LETTERS, 1);
  if (place === 0) return;
  put8(place, fromOrig ? letter : letter | LOWER_CASE);
  row.letterCount = count + 1;
}

/** Adds the letter the first time its bit is seen in that direction. @returns whether it was seen before */
export function noteOnce(row: Row, bit: i32, letter: i32, fromOrig: bool): bool {
  const mask = <u32>(fromOrig ? bit : bit << 16);
  if ((row.seen & mask) !== 0) return true;
  row.seen |= mask;
  addLetter(row, letter, fromOrig);
  return false;
}

/** The roles change: what comes counts for the other side; letters already there stay, and `^` is added. */
export function flipHistory(row: Row): void {
  row.seen = rotl<u32>(row.seen, 16);
  addLetter(row, FLIP, true);
}

/** The roles change before anything but a SYN-ACK was seen: as if they had been right from the start. */
export function flipHistoryFromStart(row: Row): void {
  row.seen = rotl<u32>(row.seen, 16);
  const count = row.letterCount;
  if (count >= ROOM) return;
  const start = row.letters;
  for (let i = <usize>count; i > 0; i--) put8(start + i, get8(start + i - 1) ^ LOWER_CASE);
  put8(start, FLIP);
  row.letterCount = count + 1;
}

/** Copies the letters to `to`. @returns how many there are */
export function copyHistory(row: Row, to: usize): i32 {
  const count = row.letterCount;
  const here = <usize>min(count, ROOM);
  memory.copy(to, row.letters, here);
  let end = to + here;
  if (count <= ROOM) return count;
  for (let block = firstExtra(row, EXTRA_LETTERS); block !== 0; block = nextExtra(block)) {
    memory.copy(end, extraContent(block), extraLength(block));
    end += <usize>extraLength(block);
  }
  return <i32>(end - to);
}

/** A SYN, then a RST of the same side, and nothing of its own between: `^?S[^HAFGIQ]*R` at the beginning. */
export function isAbandonedAttempt(row: Row): bool {
  const start = row.letters;
  const count = <usize>min(row.letterCount, ROOM);
  let i: usize = count > 0 && get8(start) === FLIP ? 1 : 0;
  if (i >= count || get8(start + i) !== LETTER_S) return false;
  for (i++; i < count; i++) {
    const letter = get8(start + i);
    if (letter === LETTER_R) return true;
    if (
      letter === LETTER_H ||
      letter === LETTER_A ||
      letter === LETTER_F ||
      letter === LETTER_G ||
      letter === LETTER_I ||
      letter === LETTER_Q
    ) {
      return false;
    }
  }
  return false;
}

/** Whether the nth event of a kind gets a letter: the 1st, 10th, 100th, … */
export function isPowerOfTen(n: u32): bool {
  let power: u64 = 1;
  while (power < <u64>n) power *= 10;
  return power === <u64>n;
}

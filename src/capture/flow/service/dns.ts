/** DNS (RFC 1035), and its relatives mDNS, LLMNR and the NetBIOS name service, which share its message format. */
import { u16 } from "../../decode/packet.ts";

const MAX_NAME = 255;

/** Whether a DNS message stands at `offset`: a header whose numbers can be, and a first name that is well formed. */
export function isDns(data: Uint8Array, offset: number, end: number, wireEnd: number): boolean {
  if (end - offset < 12) return false;
  const flags = u16(data, offset + 2);
  const opcode = (flags >> 11) & 15;
  const questions = u16(data, offset + 4);
  const answers = u16(data, offset + 6);
  const authority = u16(data, offset + 8);
  const additional = u16(data, offset + 10);
  const zero = (flags & 0x0040) !== 0;
  // Netbios uses opcodes 5 to 8 and the zero bit's neighbours; anything above is nothing.
  if (opcode > 8 || opcode === 3 || zero) return false;
  const records = questions + answers + authority + additional;
  if (records === 0) return wireEnd - offset === 12 && (flags & 0x8000) !== 0;
  // The smallest record has 5 bytes as a question, 11 as an answer.
  if (questions * 5 + (records - questions) * 11 > wireEnd - offset - 12) return false;
  if (questions > 32) return false;
  return nameEnd(data, offset + 12, end) !== -1;
}

/** Where the name at `at` ends, `end` if the capture ends first, -1 if it is none. */
function nameEnd(data: Uint8Array, at: number, end: number): number {
  let position = at;
  while (position < end) {
    const length = data[position]!;
    if (length === 0) return position + 1;
    if (length >= 0xc0) return position + 2;
    if (length > 63 || position - at > MAX_NAME) return -1;
    position += 1 + length;
  }
  return end;
}

const scratch = Buffer.alloc(MAX_NAME + 64);

/** The first name that is asked for (or answered), without its last dot; undefined when there is none or it is the root. */
export function queryName(data: Uint8Array, offset: number, end: number): string | undefined {
  let length = 0;
  let position = offset + 12;
  // A name that is asked for is not compressed.
  while (position < end && length < MAX_NAME) {
    const label = data[position]!;
    if (label === 0 || label > 63 || position + 1 + label > end) break;
    if (length > 0) scratch[length++] = 0x2e;
    for (let i = 1; i <= label; i++) scratch[length++] = data[position + i]!;
    position += 1 + label;
  }
  return length === 0 ? undefined : scratch.toString("latin1", 0, length);
}

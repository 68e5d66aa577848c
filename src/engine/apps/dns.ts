/** DNS (RFC 1035). Its message format is that of mDNS, LLMNR and the NetBIOS name service, too. */
import { u8At, u16At } from "../bytes";
import { Row } from "../generated/layouts";
import { DONE } from "./follow";
import { keepName } from "./names";
import { at, captured, end, isTcp, onPort, wire } from "./payload";

const MAX_NAME: i32 = 255;
/** The name at hand, in text. */
const text: i32 = <i32>memory.data(MAX_NAME + 64);

export function overUdp(): bool {
  return onPort(53) && isDns(at, end, at + wire);
}

/** Over TCP a message's length comes first. */
export function overTcp(): bool {
  return onPort(53) && captured() >= 14 && u16At(at) + 2 <= wire && isDns(at + 2, end, at + wire);
}

/** Whether a DNS message stands at `from`: a header whose numbers can be, and a first name that is well formed. */
export function isDns(from: i32, to: i32, wireEnd: i32): bool {
  if (to - from < 12) return false;
  const flags = u16At(from + 2);
  const opcode = (flags >> 11) & 15;
  const questions = u16At(from + 4);
  const records = questions + u16At(from + 6) + u16At(from + 8) + u16At(from + 10);
  const zero = (flags & 0x0040) !== 0;
  // NetBIOS uses opcodes 5 to 8 and the zero bit's neighbours; anything above is nothing.
  if (opcode > 8 || opcode === 3 || zero) return false;
  if (records === 0) return wireEnd - from === 12 && (flags & 0x8000) !== 0;
  // The smallest record has 5 bytes as a question, 11 as an answer.
  if (questions * 5 + (records - questions) * 11 > wireEnd - from - 12) return false;
  return questions <= 32 && isName(from + 12, to);
}

/** Whether a name stands at `from`, as far as it was captured. */
function isName(from: i32, to: i32): bool {
  let i = from;
  while (i < to) {
    const length = u8At(i);
    if (length === 0 || length >= 0xc0) return true;
    if (length > 63 || i - from > MAX_NAME) return false;
    i += 1 + length;
  }
  return true;
}

/** The first name that is asked for (or answered), without its last dot; none where it is the root. */
export function follow(row: Row): i32 {
  let length = 0;
  let i = (isTcp ? at + 2 : at) + 12;
  // A name that is asked for is not compressed.
  while (i < end && length < MAX_NAME) {
    const label = u8At(i);
    if (label === 0 || label > 63 || i + 1 + label > end) break;
    if (length > 0) store<u8>(text + length++, 0x2e);
    memory.copy(text + length, i + 1, label);
    length += label;
    i += 1 + label;
  }
  if (length > 0) keepName(row, text, length);
  return DONE;
}

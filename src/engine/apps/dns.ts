/** DNS (RFC 1035). Its message format is that of mDNS, LLMNR and the NetBIOS name service, too. */
import { copyOut, get8, put8, u8At, u16At } from "../bytes";
import { Row } from "../generated/layouts";
import { flipRoles } from "../table/roles";
import { isV6 } from "../table/row";
import { DONE } from "./follow";
import { keepName } from "./names";
import { at, captured, end, isTcp, onPort, wire } from "./payload";

const HEADER: i32 = 12;
const MAX_NAME: i32 = 255;
const MAX_LABEL: i32 = 63;
/** From here on two bytes say where a name goes on, and how often that may be. */
const POINTER: i32 = 0xc0;
const MAX_JUMPS: i32 = 16;
const DOT: i32 = 0x2e;
/** The bit of a response among the flags. */
const RESPONSE: i32 = 0x8000;
/** The first byte of IPv4's multicast addresses. */
const FIRST_MULTICAST: i32 = 224;
/** The name at hand, in text. */
const text: i32 = <i32>memory.data(MAX_NAME + 1);

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
  if (records === 0) return wireEnd - from === 12 && (flags & RESPONSE) !== 0;
  // The smallest record has 5 bytes as a question, 11 as an answer.
  if (questions * 5 + (records - questions) * 11 > wireEnd - from - 12) return false;
  return questions <= 32 && isName(from + 12, to);
}

/** Whether a name stands at `from`, as far as it was captured. */
function isName(from: i32, to: i32): bool {
  let i = from;
  while (i < to) {
    const length = u8At(i);
    if (length === 0 || length >= POINTER) return true;
    if (length > MAX_LABEL || i - from > MAX_NAME) return false;
    i += 1 + length;
  }
  return true;
}

/** Keeps the first name that is asked for (or answered), without its last dot, if its end was captured; none where it is the root. */
export function follow(row: Row): i32 {
  const message = isTcp ? at + 2 : at;
  if (isFirstResponse(row, message)) flipRoles(row);
  let length = 0;
  let i = message + HEADER;
  for (let jumps = 0; i < end; ) {
    const label = u8At(i);
    if (label >= POINTER) {
      // The rest stands further up (RFC 1035 §4.1.4).
      if (i + 2 > end || ++jumps > MAX_JUMPS) break;
      const target = message + (u16At(i) & 0x3fff);
      if (target >= i || target < message + HEADER) break;
      i = target;
      continue;
    }
    if (label === 0) {
      if (length > 0) keepName(row, text, length);
      break;
    }
    if (label > MAX_LABEL || i + 1 + label > end || length + 1 + label > MAX_NAME) break;
    if (length > 0) put8(<usize>(text + length++), DOT);
    copyOut(<usize>(text + length), i + 1, label);
    length += label;
    i += 1 + label;
  }
  return DONE;
}

/** As Zeek has it: what begins with a response to a single host was asked for by that host. */
function isFirstResponse(row: Row, message: i32): bool {
  if (isTcp || (u16At(message + 2) & RESPONSE) === 0 || row.orig.packets !== 1 || row.resp.packets !== 0) return false;
  return isV6(row) ? get8(row.respAddress) !== 0xff : get8(row.respAddress) < FIRST_MULTICAST;
}

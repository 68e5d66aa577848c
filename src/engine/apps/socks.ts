/** SOCKS: version 5's greeting (RFC 1928 §3), or version 4's request. */
import { u8At, u32At } from "../bytes";
import { at, captured, end, onPort, wire } from "./payload";

const PORT: i32 = 1080;
/** Methods up to 9 are IANA's, from 128 on they are private. */
const LAST_METHOD: i32 = 9;
const FIRST_PRIVATE_METHOD: i32 = 0x80;
const NO_ACCEPTABLE_METHOD: i32 = 0xff;

export function overTcp(): bool {
  if (captured() < 2) return false;
  return u8At(at) === 5 ? isGreeting() || isChoice() : u8At(at) === 4 && isRequest4();
}

/** How many methods, and these. */
function isGreeting(): bool {
  const methods = u8At(at + 1);
  if (methods === 0 || captured() !== wire || wire !== 2 + methods) return false;
  for (let i = at + 2; i < end; i++) {
    const method = u8At(i);
    if ((method > LAST_METHOD && method < FIRST_PRIVATE_METHOD) || method === NO_ACCEPTABLE_METHOD) return false;
  }
  return true;
}

/** The server's choice: two bytes are too few to be sure of on another port. */
function isChoice(): bool {
  const method = u8At(at + 1);
  return onPort(PORT) && wire === 2 && (method <= LAST_METHOD || method === NO_ACCEPTABLE_METHOD);
}

/** CONNECT or BIND, port, address (0.0.0.x: a name follows), and texts that end with 0. */
function isRequest4(): bool {
  if (captured() < 9 || captured() !== wire) return false;
  const command = u8At(at + 1);
  if (command !== 1 && command !== 2) return false;
  const named = u32At(at + 4) !== 0 && u32At(at + 4) < 256;
  if (!named && !onPort(PORT) && wire > 64) return false;
  let texts = 0;
  for (let i = at + 8; i < end; i++) {
    const byte = u8At(i);
    if (byte === 0) texts++;
    else if (byte < 0x20 || byte > 0x7e) return false;
  }
  return u8At(end - 1) === 0 && texts === (named ? 2 : 1);
}

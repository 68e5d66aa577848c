/** LDAP (RFC 4511 §4.1.1): an LDAPMessage, which is a SEQUENCE of an INTEGER and an operation. */
import { u8At } from "../bytes";
import { at, captured, end, onPort } from "./payload";

const SEQUENCE: i32 = 0x30;
const INTEGER: i32 = 0x02;
const UNBIND: i32 = 0x42;
const DELETE: i32 = 0x4a;
const ABANDON: i32 = 0x50;

export function overTcp(): bool {
  return isMessage();
}

export function overUdp(): bool {
  return onPort(389) && isMessage();
}

function isMessage(): bool {
  if (captured() < 7 || u8At(at) !== SEQUENCE) return false;
  const length = u8At(at + 1);
  const body = at + 2 + (length > 0x80 ? length - 0x80 : 0);
  if (length > 0x84 || length === 0x80 || body + 3 >= end || u8At(body) !== INTEGER) return false;
  const idLength = u8At(body + 1);
  const operationAt = body + 2 + idLength;
  if (idLength < 1 || idLength > 4 || operationAt >= end) return false;
  const operation = u8At(operationAt);
  return (
    (operation >= 0x60 && operation <= 0x79) || operation === UNBIND || operation === DELETE || operation === ABANDON
  );
}

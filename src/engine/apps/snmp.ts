/** SNMP (RFC 3417, RFC 3412 §6): SEQUENCE, version 0 or 1, community and a PDU; or version 3 and its header. */
import { u8At } from "../bytes";
import { at, captured, end } from "./payload";

const SEQUENCE: i32 = 0x30;
const INTEGER: i32 = 0x02;
const OCTET_STRING: i32 = 0x04;

export function overUdp(): bool {
  if (captured() < 12 || u8At(at) !== SEQUENCE) return false;
  const length = u8At(at + 1);
  const body = at + 2 + (length > 0x80 ? length - 0x80 : 0);
  if (length > 0x83 || body + 6 >= end || u8At(body) !== INTEGER || u8At(body + 1) !== 1) return false;
  const version = u8At(body + 2);
  if (version === 3) return u8At(body + 3) === SEQUENCE;
  if (version > 1 || u8At(body + 3) !== OCTET_STRING) return false;
  const pduAt = body + 5 + u8At(body + 4);
  return pduAt < end && u8At(pduAt) >= 0xa0 && u8At(pduAt) <= 0xa8;
}

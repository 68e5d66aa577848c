/** ICMP (RFC 792) and ICMPv6 (RFC 4443): type, code, checksum, four bytes by type, data. */
import { u8At } from "../bytes";
import { Packet } from "../generated/layouts";
import { isWhole, readPayload } from "./ports";

export function decodeIcmp(p: Packet, at: i32): void {
  if (!isWhole(p, at, 8)) return;
  p.transport = true;
  p.icmpType = u8At(at);
  p.icmpCode = u8At(at + 1);
  readPayload(p, at, 8);
}

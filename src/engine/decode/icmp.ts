/** ICMP (RFC 792) and ICMPv6 (RFC 4443): type, code, checksum, four bytes by type, data. */
import { u8At } from "../bytes";
import { Packet } from "../generated/layouts";
import { ERROR_MALFORMED, ERROR_TRUNCATED, fail, LAYER_TRANSPORT } from "../packet";

export function decodeIcmp(p: Packet, at: i32): void {
  if (at + 8 > p.end) {
    fail(p, p.l4Length < 8 ? ERROR_MALFORMED : ERROR_TRUNCATED, LAYER_TRANSPORT, at);
    return;
  }
  p.transport = true;
  p.icmpType = u8At(at);
  p.icmpCode = u8At(at + 1);
  p.payload = at + 8;
  p.payloadCaptured = p.end - p.payload;
  p.payloadLength = p.l4Length - 8;
}

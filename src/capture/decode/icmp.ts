/** ICMP (RFC 792) and ICMPv6 (RFC 4443): type, code, checksum, four bytes by type, data. */
import { LAYER_TRANSPORT, MALFORMED, type Packet, TRUNCATED } from "./packet.ts";

export function decodeIcmp(p: Packet, offset: number): void {
  if (offset + 8 > p.end) {
    p.fail(p.l4Length < 8 ? MALFORMED : TRUNCATED, LAYER_TRANSPORT, offset);
    return;
  }
  p.transport = true;
  p.icmpType = p.data[offset]!;
  p.icmpCode = p.data[offset + 1]!;
  p.payload = offset + 8;
  p.payloadCaptured = p.end - p.payload;
  p.payloadLength = p.l4Length - 8;
}

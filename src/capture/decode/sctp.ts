/** SCTP common header (RFC 9260 §3.1): ports, verification tag, checksum; chunks follow. */
import { LAYER_TRANSPORT, MALFORMED, type Packet, TRUNCATED, u16 } from "./packet.ts";

export function decodeSctp(p: Packet, offset: number): void {
  if (offset + 12 > p.end) {
    p.fail(p.l4Length < 12 ? MALFORMED : TRUNCATED, LAYER_TRANSPORT, offset);
    return;
  }
  p.transport = true;
  p.srcPort = u16(p.data, offset);
  p.dstPort = u16(p.data, offset + 2);
  p.payload = offset + 12;
  p.payloadCaptured = p.end - p.payload;
  p.payloadLength = p.l4Length - 12;
}

/** DCCP generic header (RFC 4340 §5.1): ports, data offset (words), checksum, type, sequence number; options. */
import { LAYER_TRANSPORT, MALFORMED, type Packet, TRUNCATED, u16 } from "./packet.ts";

export function decodeDccp(p: Packet, offset: number): void {
  if (offset + 12 > p.end) {
    p.fail(p.l4Length < 12 ? MALFORMED : TRUNCATED, LAYER_TRANSPORT, offset);
    return;
  }
  p.transport = true;
  p.srcPort = u16(p.data, offset);
  p.dstPort = u16(p.data, offset + 2);
  const header = p.data[offset + 4]! * 4;
  if (header < 12 || header > p.l4Length) {
    p.fail(MALFORMED, LAYER_TRANSPORT, offset + 4);
    return;
  }
  p.payload = offset + header;
  p.payloadCaptured = p.end > p.payload ? p.end - p.payload : 0;
  p.payloadLength = p.l4Length - header;
}

/**
 * TCP (RFC 9293 §3.1):
 *
 *     0  source port (2) | destination port (2)
 *     4  sequence number | 8 acknowledgment number
 *     12 data offset(4) reserved(4) | control bits(8) | window (2)
 *     16 checksum (2) | urgent pointer (2) | 20 options …
 */
import { LAYER_TRANSPORT, MALFORMED, type Packet, TRUNCATED } from "./packet.ts";

export function decodeTcp(p: Packet, offset: number): void {
  const { data } = p;
  if (offset + 20 > p.end) {
    p.fail(p.l4Length < 20 ? MALFORMED : TRUNCATED, LAYER_TRANSPORT, offset);
    return;
  }
  p.transport = true;
  p.srcPort = (data[offset]! << 8) | data[offset + 1]!;
  p.dstPort = (data[offset + 2]! << 8) | data[offset + 3]!;
  p.tcpSeq = (data[offset + 4]! << 24) | (data[offset + 5]! << 16) | (data[offset + 6]! << 8) | data[offset + 7]!;
  p.tcpAck = (data[offset + 8]! << 24) | (data[offset + 9]! << 16) | (data[offset + 10]! << 8) | data[offset + 11]!;
  p.tcpFlags = data[offset + 13]!;
  p.tcpWindow = (data[offset + 14]! << 8) | data[offset + 15]!;
  const header = (data[offset + 12]! >> 4) * 4;
  if (header < 20 || header > p.l4Length) {
    p.fail(MALFORMED, LAYER_TRANSPORT, offset + 12);
    return;
  }
  p.payload = offset + header;
  p.payloadCaptured = p.end > p.payload ? p.end - p.payload : 0;
  p.payloadLength = p.l4Length - header;
}

/** UDP (RFC 768) and UDP-Lite (RFC 3828): source port, destination port, length or checksum coverage, checksum. */
import { LAYER_TRANSPORT, MALFORMED, type Packet, TRUNCATED, UDP } from "./packet.ts";
import { decodeUdpTunnel } from "./udp-tunnels.ts";

export function decodeUdp(p: Packet, offset: number): void {
  const { data } = p;
  if (offset + 8 > p.end) {
    p.fail(p.l4Length < 8 ? MALFORMED : TRUNCATED, LAYER_TRANSPORT, offset);
    return;
  }
  p.transport = true;
  p.srcPort = (data[offset]! << 8) | data[offset + 1]!;
  p.dstPort = (data[offset + 2]! << 8) | data[offset + 3]!;
  p.payload = offset + 8;
  p.payloadCaptured = p.end - p.payload;
  p.payloadLength = p.l4Length - 8;
  if (p.ipProto !== UDP) return;
  // The UDP length is believed where it is possible at all; 0 is a jumbogram (RFC 2675 §4) or offload.
  const length = (data[offset + 4]! << 8) | data[offset + 5]!;
  if (length >= 8) {
    p.payloadLength = length - 8;
    if (p.payloadCaptured > p.payloadLength) p.payloadCaptured = p.payloadLength;
    if (length > p.l4Length) p.fail(MALFORMED, LAYER_TRANSPORT, offset + 4);
  } else if (length !== 0) {
    p.fail(MALFORMED, LAYER_TRANSPORT, offset + 4);
    p.payloadLength = 0;
    p.payloadCaptured = 0;
    return;
  }
  decodeUdpTunnel(p);
}

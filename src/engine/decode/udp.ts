/** UDP (RFC 768) and UDP-Lite (RFC 3828): source port, destination port, length or checksum coverage, checksum. */
import { u16At } from "../bytes";
import { Packet } from "../generated/layouts";

import { UDP } from "../generated/protocols";
import { decodeUdpTunnel } from "../generated/tunnels";
import { ERROR_MALFORMED, ERROR_TRUNCATED, fail, LAYER_TRANSPORT } from "../packet";

export function decodeUdp(p: Packet, at: i32): void {
  if (at + 8 > p.end) {
    fail(p, p.l4Length < 8 ? ERROR_MALFORMED : ERROR_TRUNCATED, LAYER_TRANSPORT, at);
    return;
  }
  p.transport = true;
  p.srcPort = u16At(at);
  p.dstPort = u16At(at + 2);
  p.payload = at + 8;
  p.payloadCaptured = p.end - p.payload;
  p.payloadLength = p.l4Length - 8;
  if (p.protocol !== UDP) return;
  // The UDP length is believed where it is possible at all; 0 is a jumbogram (RFC 2675 §4) or offload.
  const length = u16At(at + 4);
  if (length >= 8) {
    p.payloadLength = length - 8;
    if (p.payloadCaptured > p.payloadLength) p.payloadCaptured = p.payloadLength;
    if (length > p.l4Length) fail(p, ERROR_MALFORMED, LAYER_TRANSPORT, at + 4);
  } else if (length !== 0) {
    fail(p, ERROR_MALFORMED, LAYER_TRANSPORT, at + 4);
    p.payloadLength = 0;
    p.payloadCaptured = 0;
    return;
  }
  decodeUdpTunnel(p);
}

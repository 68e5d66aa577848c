/** UDP (RFC 768) and UDP-Lite (RFC 3828): source port, destination port, length or checksum coverage, checksum. */
import { u16At } from "../bytes";
import { Packet } from "../generated/layouts";

import { UDP } from "../generated/protocols";
import { decodeUdpTunnel } from "../generated/tunnels";
import { ERROR_MALFORMED, fail, LAYER_TRANSPORT } from "../packet";
import { isWhole, readPayload, readPorts } from "./ports";

export function decodeUdp(p: Packet, at: i32): void {
  if (!isWhole(p, at, 8)) return;
  readPorts(p, at);
  readPayload(p, at, 8);
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

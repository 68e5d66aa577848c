/** SCTP common header (RFC 9260 §3.1): ports, verification tag, checksum; chunks follow. */
import { u16At } from "../bytes";
import { Packet } from "../generated/layouts";
import { ERROR_MALFORMED, ERROR_TRUNCATED, fail, LAYER_TRANSPORT } from "../packet";

export function decodeSctp(p: Packet, at: i32): void {
  if (at + 12 > p.end) {
    fail(p, p.l4Length < 12 ? ERROR_MALFORMED : ERROR_TRUNCATED, LAYER_TRANSPORT, at);
    return;
  }
  p.transport = true;
  p.srcPort = u16At(at);
  p.dstPort = u16At(at + 2);
  p.payload = at + 12;
  p.payloadCaptured = p.end - p.payload;
  p.payloadLength = p.l4Length - 12;
}

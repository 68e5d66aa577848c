/** DCCP generic header (RFC 4340 §5.1): ports, data at (words), checksum, type, sequence number; options. */
import { u8At, u16At } from "../bytes";
import { Packet } from "../generated/layouts";
import { ERROR_MALFORMED, ERROR_TRUNCATED, fail, LAYER_TRANSPORT } from "../packet";

export function decodeDccp(p: Packet, at: i32): void {
  if (at + 12 > p.end) {
    fail(p, p.l4Length < 12 ? ERROR_MALFORMED : ERROR_TRUNCATED, LAYER_TRANSPORT, at);
    return;
  }
  p.transport = true;
  p.srcPort = u16At(at);
  p.dstPort = u16At(at + 2);
  const header = u8At(at + 4) * 4;
  if (header < 12 || header > p.l4Length) {
    fail(p, ERROR_MALFORMED, LAYER_TRANSPORT, at + 4);
    return;
  }
  p.payload = at + header;
  p.payloadCaptured = p.end > p.payload ? p.end - p.payload : 0;
  p.payloadLength = p.l4Length - header;
}

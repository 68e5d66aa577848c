/** What transport headers with ports begin with: source port, destination port. */
import { u16At } from "../bytes";
import { Packet } from "../generated/layouts";
import { ERROR_MALFORMED, ERROR_TRUNCATED, fail, LAYER_TRANSPORT } from "../packet";

/** Whether the first `length` bytes of a transport header were captured; if not, `p` says what is wrong. */
export function isWhole(p: Packet, at: i32, length: i32): bool {
  if (at + length <= p.end) return true;
  fail(p, p.l4Length < length ? ERROR_MALFORMED : ERROR_TRUNCATED, LAYER_TRANSPORT, at);
  return false;
}

/** Reads the ports of a header that is whole. */
export function readPorts(p: Packet, at: i32): void {
  p.transport = true;
  p.srcPort = u16At(at);
  p.dstPort = u16At(at + 2);
}

/** What follows a header of `length` bytes is payload. */
export function readPayload(p: Packet, at: i32, length: i32): void {
  p.payload = at + length;
  p.payloadCaptured = p.end > p.payload ? p.end - p.payload : 0;
  p.payloadLength = p.l4Length - length;
}

/**
 * TCP (RFC 9293 §3.1):
 *
 *     0  source port (2) | destination port (2)
 *     4  sequence number | 8 acknowledgment number
 *     12 data at(4) reserved(4) | control bits(8) | window (2)
 *     16 checksum (2) | urgent pointer (2) | 20 options …
 */
import { u8At, u16At } from "../bytes";
import { Packet } from "../generated/layouts";
import { ERROR_MALFORMED, fail, LAYER_TRANSPORT } from "../packet";
import { isWhole, readPayload, readPorts } from "./ports";

export function decodeTcp(p: Packet, at: i32): void {
  if (!isWhole(p, at, 20)) return;
  readPorts(p, at);
  p.tcpSeq = (u8At(at + 4) << 24) | (u8At(at + 5) << 16) | u16At(at + 6);
  p.tcpAck = (u8At(at + 8) << 24) | (u8At(at + 9) << 16) | u16At(at + 10);
  p.tcpFlags = u8At(at + 13);
  p.tcpWindow = u16At(at + 14);
  const header = (u8At(at + 12) >> 4) * 4;
  if (header < 20 || header > p.l4Length) {
    fail(p, ERROR_MALFORMED, LAYER_TRANSPORT, at + 12);
    return;
  }
  readPayload(p, at, header);
}

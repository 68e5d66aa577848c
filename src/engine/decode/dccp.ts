/** DCCP generic header (RFC 4340 §5.1): ports, data at (words), checksum, type, sequence number; options. */
import { u8At } from "../bytes";
import { Packet } from "../generated/layouts";
import { ERROR_MALFORMED, fail, LAYER_TRANSPORT } from "../packet";
import { isWhole, readPayload, readPorts } from "./ports";

export function decodeDccp(p: Packet, at: i32): void {
  if (!isWhole(p, at, 12)) return;
  readPorts(p, at);
  const header = u8At(at + 4) * 4;
  if (header < 12 || header > p.l4Length) {
    fail(p, ERROR_MALFORMED, LAYER_TRANSPORT, at + 4);
    return;
  }
  readPayload(p, at, header);
}

/** SCTP common header (RFC 9260 §3.1): ports, verification tag, checksum; chunks follow. */
import { Packet } from "../generated/layouts";
import { isWhole, readPayload, readPorts } from "./ports";

export function decodeSctp(p: Packet, at: i32): void {
  if (!isWhole(p, at, 12)) return;
  readPorts(p, at);
  readPayload(p, at, 12);
}

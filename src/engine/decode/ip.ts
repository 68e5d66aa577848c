/** IP of either version, told apart by the first nibble. */

import { u8At } from "../bytes";
import { Packet } from "../generated/layouts";
import { ERROR_MALFORMED, ERROR_TRUNCATED, fail, LAYER_IP } from "../packet";
import { decodeIpv4 } from "./ipv4";
import { decodeIpv6 } from "./ipv6";

export function decodeIp(p: Packet, at: i32): void {
  if (at >= p.end) {
    fail(p, ERROR_TRUNCATED, LAYER_IP, at);
    return;
  }
  const version = u8At(at) >> 4;
  if (version === 4) decodeIpv4(p, at);
  else if (version === 6) decodeIpv6(p, at);
  else fail(p, ERROR_MALFORMED, LAYER_IP, at);
}

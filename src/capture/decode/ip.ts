/** IP of either version, told apart by the first nibble. */
import { decodeIpv4 } from "./ipv4.ts";
import { decodeIpv6 } from "./ipv6.ts";
import { LAYER_IP, MALFORMED, type Packet, TRUNCATED } from "./packet.ts";

export function decodeIp(p: Packet, offset: number): void {
  if (offset >= p.end) {
    p.fail(TRUNCATED, LAYER_IP, offset);
    return;
  }
  const version = p.data[offset]! >> 4;
  if (version === 4) decodeIpv4(p, offset);
  else if (version === 6) decodeIpv6(p, offset);
  else p.fail(MALFORMED, LAYER_IP, offset);
}

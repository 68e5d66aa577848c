/** MPLS label stacks (RFC 3032): label(20) TC(3) S(1) TTL(8). What follows is guessed from its first nibble (RFC 4928 §3). */
import { decodeIp } from "./ip.ts";
import { LAYER_LINK, NEXT_ETHERNET, type Packet, TRUNCATED } from "./packet.ts";

export function decodeMpls(p: Packet, start: number): void {
  let offset = start;
  for (;;) {
    if (offset + 4 > p.end) {
      p.fail(TRUNCATED, LAYER_LINK, offset);
      return;
    }
    const bottom = (p.data[offset + 2]! & 1) === 1;
    offset += 4;
    if (bottom) break;
  }
  if (offset >= p.end) return;
  const nibble = p.data[offset]! >> 4;
  if (nibble === 4 || nibble === 6) decodeIp(p, offset);
  // A pseudowire with its control word (RFC 4385), else an Ethernet frame without one.
  else if (nibble === 0 && looksLikeEthernet(p, offset + 4)) p.goOn(NEXT_ETHERNET, offset + 4);
  else if (looksLikeEthernet(p, offset)) p.goOn(NEXT_ETHERNET, offset);
}

function looksLikeEthernet(p: Packet, offset: number): boolean {
  if (offset + 14 > p.end) return false;
  const type = (p.data[offset + 12]! << 8) | p.data[offset + 13]!;
  return type === 0x0800 || type === 0x86dd || type === 0x8100 || type === 0x88a8 || type === 0x0806 || type < 0x0600;
}

/** MPLS label stacks (RFC 3032): label(20) TC(3) S(1) TTL(8). What follows is guessed from its first nibble (RFC 4928 §3). */

import { u8At, u16At } from "../bytes";
import { Packet } from "../generated/layouts";
import { ERROR_TRUNCATED, fail, LAYER_LINK, leaveTo, NEXT_ETHERNET } from "../packet";
import { decodeIp } from "./ip";

export function decodeMpls(p: Packet, start: i32): void {
  let at = start;
  for (;;) {
    if (at + 4 > p.end) {
      fail(p, ERROR_TRUNCATED, LAYER_LINK, at);
      return;
    }
    const bottom = (u8At(at + 2) & 1) === 1;
    at += 4;
    if (bottom) break;
  }
  if (at >= p.end) return;
  const nibble = u8At(at) >> 4;
  if (nibble === 4 || nibble === 6) decodeIp(p, at);
  // A pseudowire with its control word (RFC 4385), else an Ethernet frame without one.
  else if (nibble === 0 && looksLikeEthernet(p, at + 4)) leaveTo(p, NEXT_ETHERNET, at + 4);
  else if (looksLikeEthernet(p, at)) leaveTo(p, NEXT_ETHERNET, at);
}

function looksLikeEthernet(p: Packet, at: i32): bool {
  if (at + 14 > p.end) return false;
  const type = u16At(at + 12);
  return type === 0x0800 || type === 0x86dd || type === 0x8100 || type === 0x88a8 || type === 0x0806 || type < 0x0600;
}

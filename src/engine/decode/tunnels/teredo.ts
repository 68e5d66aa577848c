/**
 * Teredo (RFC 4380):
 *
 *     [authentication: 00 01 …] [origin: 00 00 + 6 bytes] IPv6
 */
import { u8At, u16At, u32At } from "../../bytes";
import { Packet } from "../../generated/layouts";
import { TUNNEL_TEREDO } from "../../generated/tunnels";
import { carries, NEXT_IP } from "../../packet";
import { ipAt } from "../ip-at";

export function decode(p: Packet): void {
  let at = p.payload;
  if (at + 4 <= p.end && u16At(at) === 1) at += 13 + u8At(at + 2) + u8At(at + 3);
  if (at + 2 <= p.end && u16At(at) === 0) at += 8;
  if (ipAt(at, p.end, p.wireEnd) === 0x86dd) carries(p, NEXT_IP, TUNNEL_TEREDO, -1, at);
}

/**
 * Clients and relays talk to one another on any port: an IPv6 packet that fills the datagram exactly, with an address of 2001::/32 at
 * one end.
 */
export function recognise(p: Packet): void {
  const at = p.payload;
  if (p.payloadLength < 40 || at + 40 > p.end || u8At(at) >> 4 !== 6) return;
  if (u16At(at + 4) + 40 !== p.payloadLength) return;
  if (u32At(at + 8) === 0x20010000 || u32At(at + 24) === 0x20010000) carries(p, NEXT_IP, TUNNEL_TEREDO, -1, at);
}

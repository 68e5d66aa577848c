/**
 * Geneve (RFC 8926):
 *
 *     version(2) options(6, words) O C reserved(6) | protocol (2) | VNI(24) reserved(8) | options | payload
 */
import { u8At, u16At, u24At } from "../../bytes";
import { Packet } from "../../generated/layouts";
import { TUNNEL_GENEVE } from "../../generated/tunnels";
import { carries, NEXT_ETHERNET, NEXT_IP } from "../../packet";
import { ipAt } from "../ip-at";
import { frameAt } from "./frame-at";

export function decode(p: Packet): void {
  const at = p.payload;
  if (at + 8 > p.end || u8At(at) >> 6 !== 0) return;
  const inner = at + 8 + (u8At(at) & 0x3f) * 4;
  const protocol = u16At(at + 2);
  const vni = u24At(at + 4);
  if (protocol === 0x6558) {
    if (frameAt(p, inner)) carries(p, NEXT_ETHERNET, TUNNEL_GENEVE, vni, inner);
  } else if (protocol === 0x0800 || protocol === 0x86dd) {
    if (ipAt(inner, p.end, p.wireEnd) === protocol) carries(p, NEXT_IP, TUNNEL_GENEVE, vni, inner);
  }
}

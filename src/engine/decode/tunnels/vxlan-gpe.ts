/**
 * VXLAN with a protocol field (draft-ietf-nvo3-vxlan-gpe):
 *
 *     flags(8, I = 0x08, P = 0x04) reserved(16) next protocol(8, 1 IPv4, 2 IPv6, 3 Ethernet) | VNI(24) reserved(8)
 */
import { u8At, u24At } from "../../bytes";
import { Packet } from "../../generated/layouts";
import { TUNNEL_VXLAN } from "../../generated/tunnels";
import { carries, NEXT_ETHERNET, NEXT_IP } from "../../packet";
import { ipAt } from "../ip-at";
import { frameAt } from "./frame-at";

export function decode(p: Packet): void {
  const at = p.payload;
  if (at + 8 > p.end || (u8At(at) & 0x0c) !== 0x0c) return;
  const vni = u24At(at + 4);
  const next = u8At(at + 3);
  if (next === 3 && frameAt(p, at + 8)) carries(p, NEXT_ETHERNET, TUNNEL_VXLAN, vni, at + 8);
  else if ((next === 1 || next === 2) && ipAt(at + 8, p.end, p.wireEnd) !== 0) {
    carries(p, NEXT_IP, TUNNEL_VXLAN, vni, at + 8);
  }
}

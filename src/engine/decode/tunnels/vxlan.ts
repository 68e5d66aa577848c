/**
 * VXLAN (RFC 7348):
 *
 *     flags(8, I = 0x08) reserved(24) | VNI(24) reserved(8) | Ethernet
 */
import { u8At, u24At } from "../../bytes";
import { Packet } from "../../generated/layouts";
import { TUNNEL_VXLAN } from "../../generated/tunnels";
import { carries, NEXT_ETHERNET } from "../../packet";
import { frameAt } from "./frame-at";

export function decode(p: Packet): void {
  const at = p.payload;
  if (at + 8 <= p.end && (u8At(at) & 0x08) !== 0 && frameAt(p, at + 8)) {
    carries(p, NEXT_ETHERNET, TUNNEL_VXLAN, u24At(at + 4), at + 8);
  }
}

import { Packet } from "../../generated/layouts";
export function decodeUdpTunnel(p: Packet): void {
  p.innerKind = 0;
}

export { layOut, reserve, rowAt } from "./memory";

import { openWindow } from "./check";
import { decodeUdp } from "./decode/udp";
import { packet } from "./packet";
export function t(at: i32): void {
  openWindow(at, at + 100);
  packet.end = at + 20;
  decodeUdp(packet, at);
  packet.vlanCount++;
}

/** Whether some bytes are the start of a sane Ethernet frame: the test before a datagram is taken for a tunnel that carries frames. */
import { u16At } from "../../bytes";
import { Packet } from "../../generated/layouts";
import { ipAt } from "../ip-at";

/** Its type is one that networks carry, or a length; the packet in it may be cut short, but must be sane. */
export function frameAt(p: Packet, at: i32): bool {
  if (at + 14 > p.end) return false;
  const type = u16At(at + 12);
  if (type === 0x0800 || type === 0x86dd) return at + 34 > p.end || ipAt(at + 14, p.end, i32.MAX_VALUE) === type;
  return type < 0x0600 || type === 0x0806 || type >= 0x8000;
}

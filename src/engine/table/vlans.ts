/** VLAN tags of a connection's first packet: two in the row, all of them among its extras when there are more. */
import { Packet, Row } from "../generated/layouts";
import { SCRATCH } from "../generated/memory";
import { rowAt } from "../memory";
import { addExtra, EXTRA_VLANS, extraContent, extraLength, firstExtra } from "./extras";
import { vlanPair } from "./key";

/** Takes the tags of the packet that opens a row. */
export function noteVlans(row: Row, p: Packet): void {
  const count = p.vlanCount;
  if (count === 0) return;
  row.vlan = vlanPair(p);
  if (count <= 2) return;
  const place = addExtra(row, EXTRA_VLANS, count * 2);
  if (place !== 0) memory.copy(place, p.vlans, <usize>count * 2);
}

/** For the host: the tags of the row at an address when there are more than two, 16 bits each in SCRATCH. @returns how many */
export function deepVlans(row: usize): i32 {
  const block = firstExtra(rowAt(row), EXTRA_VLANS);
  if (block === 0) return 0;
  memory.copy(<usize>SCRATCH, extraContent(block), extraLength(block));
  return extraLength(block) >> 1;
}

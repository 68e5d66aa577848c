/** Who is the originator turns out the other way round. */
import { Row } from "../generated/layouts";
import { packet } from "../packet";
import { FLIPPED } from "../tcp/endpoint";
import { flipHistory } from "./history";

/** Every number of one side becomes the other side's; a TCP connection's endpoints have changed theirs. */
export function swapRoles(row: Row): void {
  swap(row.origAddress, row.respAddress, 16);
  row.ports = rotl<u32>(row.ports, 16);
  swap(row.orig.at, row.resp.at, 32);
  swap(row.origMac, row.respMac, 6);
}

/** The same of a connection without endpoints, as the packet at hand says: noted in its history. */
export function flipRoles(row: Row): void {
  swapRoles(row);
  packet.fromOrig = !packet.fromOrig;
  row.tcp ^= FLIPPED;
  flipHistory(row);
}

function swap(a: usize, b: usize, length: usize): void {
  for (let i: usize = 0; i < length; i++) {
    const byte = load<u8>(a + i);
    store<u8>(a + i, load<u8>(b + i));
    store<u8>(b + i, byte);
  }
}

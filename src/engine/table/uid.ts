/** A connection's uid: a hash of its first time, its 5-tuple, and the ordinal of its reuse at that very time. */
import { get32 } from "../bytes";
import { Packet, Row } from "../generated/layouts";
import { SECOND } from "../time";
import { KEY_DST, KEY_SRC, keyPorts, keyVlan } from "./key";

let high: u32 = 0;
let low: u32 = 0;

/** Computes the uid of the connection that the packet at hand opens; its key has been read. */
export function putUid(row: Row, p: Packet, ordinal: u32): void {
  high = 0x243f6a88;
  low = 0x85a308d3;
  const seconds = p.time / SECOND;
  take(<u32>seconds);
  take(<u32>(seconds >> 32));
  take(<u32>(p.time % SECOND));
  take(rotl<u32>(keyPorts, 16));
  take(ordinal);
  take(<u32>p.protocol | ((<u32>p.depth) << 8) | (keyVlan << 12));
  takeAddress(KEY_SRC, p.ipVersion);
  takeAddress(KEY_DST, p.ipVersion);
  high = (high ^ (high >>> 16)) * 0xc2b2ae3d;
  low = (low ^ (low >>> 16) ^ high) * 0x27d4eb2f;
  row.uidHigh = high ^ (high >>> 13);
  row.uidLow = low ^ (low >>> 15);
}

function takeAddress(at: usize, version: i32): void {
  const end: usize = version === 6 ? 16 : 4;
  for (let i: usize = 0; i < end; i += 4) take(bswap<u32>(get32(at + i)));
}

function take(word: u32): void {
  high = (high ^ word) * 0x9e3779b1;
  high ^= high >>> 15;
  low = (low + (word ^ high)) * 0x85ebca77;
  low ^= low >>> 13;
  high += low;
}

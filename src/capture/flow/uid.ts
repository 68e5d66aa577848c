/** A connection's uid: a hash of its first time, its 5-tuple, and the ordinal of its reuse at that very time. */
import type { Packet } from "../decode/packet.ts";
import type { FlowKey } from "./flow-key.ts";
import { UID_HIGH, UID_LOW } from "./rows.ts";

/** Writes the two words of the uid into the row whose words begin at `at`. */
export function writeUid(rows: Int32Array, at: number, key: FlowKey, p: Packet, ordinal: number): void {
  const { words } = key;
  let high = 0x243f6a88;
  let low = 0x85a308d3;
  const step = p.ipVersion === 6 ? 1 : 4;
  for (let i = -6; i < 8; i += i < 0 ? 1 : step) {
    let word = 0;
    if (i === -6) word = p.sec;
    else if (i === -5) word = Math.floor(p.sec / 2 ** 32);
    else if (i === -4) word = p.nsec;
    else if (i === -3) word = key.ports;
    else if (i === -2) word = ordinal;
    else if (i === -1) word = p.ipProto | (p.depth << 8) | (key.vlan << 12);
    else word = words[i]!;
    high = Math.imul((high ^ word) | 0, 0x9e3779b1);
    high ^= high >>> 15;
    low = Math.imul((low + (word ^ high)) | 0, 0x85ebca77);
    low ^= low >>> 13;
    high = (high + low) | 0;
  }
  high = Math.imul(high ^ (high >>> 16), 0xc2b2ae3d);
  low = Math.imul(low ^ (low >>> 16) ^ high, 0x27d4eb2f);
  rows[at + UID_HIGH] = high ^ (high >>> 13);
  rows[at + UID_LOW] = low ^ (low >>> 15);
}

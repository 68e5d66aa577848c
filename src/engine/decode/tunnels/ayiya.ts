/**
 * AYIYA (draft-massar-v6ops-ayiya-02):
 *
 *     id length(4, 2^n) id type(4) | signature length(4, words) hash(4) | auth(4) opcode(4, 1: forward) | next header | time (4) | id | signature
 */
import { u8At } from "../../bytes";
import { Packet } from "../../generated/layouts";
import { TUNNEL_AYIYA } from "../../generated/tunnels";
import { carries, NEXT_IP } from "../../packet";
import { ipAt } from "../ip-at";

export function decode(p: Packet): void {
  const at = p.payload;
  if (at + 8 > p.end || (u8At(at + 2) & 15) !== 1) return;
  const inner = at + 8 + (1 << (u8At(at) >> 4)) + (u8At(at + 1) >> 4) * 4;
  const next = u8At(at + 3);
  const type = next === 41 ? 0x86dd : next === 4 ? 0x0800 : 0;
  if (type !== 0 && ipAt(inner, p.end, p.wireEnd) === type) carries(p, NEXT_IP, TUNNEL_AYIYA, -1, inner);
}

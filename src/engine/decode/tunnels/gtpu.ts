/**
 * GTP-U (3GPP TS 29.281):
 *
 *     version(3) PT(1) *(1) E(1) S(1) PN(1) | type (0xff: G-PDU) | length (2) | TEID (4) | [seq (2) N-PDU next extension] …
 */
import { u8At, u32At } from "../../bytes";
import { Packet } from "../../generated/layouts";
import { TUNNEL_GTPU } from "../../generated/tunnels";
import { carries, NEXT_IP } from "../../packet";
import { ipAt } from "../ip-at";

export function decode(p: Packet): void {
  let at = p.payload;
  if (at + 8 > p.end || (u8At(at) & 0xf0) !== 0x30 || u8At(at + 1) !== 0xff) return;
  const flags = u8At(at) & 7;
  const teid = u32At(at + 4);
  at += 8;
  if (flags !== 0) {
    if (at + 4 > p.end) return;
    let next = (flags & 4) !== 0 ? u8At(at + 3) : 0;
    at += 4;
    // Extension headers: length in words, content, the type of the next one.
    while (next !== 0) {
      const length = at < p.end ? u8At(at) * 4 : 0;
      if (length === 0 || at + length > p.end) return;
      next = u8At(at + length - 1);
      at += length;
    }
  }
  if (ipAt(at, p.end, p.wireEnd) !== 0) carries(p, NEXT_IP, TUNNEL_GTPU, teid, at);
}

/** IEEE 802.11 data frames (§9.2, §9.3.2) and the headers captures put before them: radiotap, Prism, AVS, PPI. */
import { u8At, u16At } from "../bytes";
import { Packet } from "../generated/layouts";
import { ERROR_MALFORMED, ERROR_TRUNCATED, fail, LAYER_LINK, leaveTo, NEXT_LINK, NEXT_LLC } from "../packet";

/**
 * frame control (2) | duration (2) | address 1 | address 2 | address 3 | sequence (2) | [address 4] [QoS (2)] [HT (4)] | LLC
 *
 * `padded`: the header is filled up to a multiple of 4. Encrypted frames, A-MSDUs and frames without data carry nothing to look into.
 */
export function decodeIeee80211(p: Packet, at: i32, padded: bool = false): void {
  if (at + 24 > p.end) {
    fail(p, ERROR_TRUNCATED, LAYER_LINK, at);
    return;
  }
  const type = (u8At(at) >> 2) & 3;
  const subtype = u8At(at) >> 4;
  const flags = u8At(at + 1);
  const toDs = (flags & 1) !== 0;
  const fromDs = (flags & 2) !== 0;
  const isData = type === 2 && (subtype & 4) === 0;
  if (!isData || (flags & 0x40) !== 0) return;
  p.l2Dst = toDs ? at + 16 : at + 4;
  p.l2Src = fromDs ? at + 16 : at + 10;
  let header = 24;
  if (toDs && fromDs) {
    p.l2Src = at + 24;
    header += 6;
  }
  if ((subtype & 8) !== 0) {
    if (at + header + 2 > p.end) {
      fail(p, ERROR_TRUNCATED, LAYER_LINK, at);
      return;
    }
    if ((u8At(at + header) & 0x80) !== 0) return;
    header += (flags & 0x80) !== 0 ? 6 : 2;
  }
  leaveTo(p, NEXT_LLC, at + (padded ? (header + 3) & ~3 : header));
}

/** Radiotap: version, pad, length (2, little-endian), presence words, fields in their natural alignment. */
export function decodeRadiotap(p: Packet, at: i32): void {
  if (at + 8 > p.end) {
    fail(p, ERROR_TRUNCATED, LAYER_LINK, at);
    return;
  }
  const length = u8At(at + 2) | (u8At(at + 3) << 8);
  if (length < 8) {
    fail(p, ERROR_MALFORMED, LAYER_LINK, at + 2);
    return;
  }
  // The flags byte follows the 8-byte TSFT; 0x10: an FCS follows the frame, 0x20: the 802.11 header is padded to 4.
  let fields = at + 4;
  while (fields + 4 <= p.end && (u8At(fields + 3) & 0x80) !== 0) fields += 4;
  fields += 4;
  const present = u8At(at + 4);
  if ((present & 1) !== 0) fields = at + (((fields - at + 7) & ~7) + 8);
  const flags = (present & 2) !== 0 && fields < at + length && fields < p.end ? u8At(fields) : 0;
  if ((flags & 0x10) !== 0) {
    p.wireEnd = max(p.wireEnd - 4, at + length);
    if (p.end > p.wireEnd) p.end = max(p.wireEnd, at);
  }
  decodeIeee80211(p, at + length, (flags & 0x20) !== 0);
}

/** Prism and AVS monitor headers tell their length in bytes 4 to 7 (Prism in the host's byte order, AVS big-endian). */
export function decodePrism(p: Packet, at: i32): void {
  if (at + 8 > p.end) {
    fail(p, ERROR_TRUNCATED, LAYER_LINK, at);
    return;
  }
  const avs = u8At(at) === 0x80 && u8At(at + 1) === 0x21;
  const length = avs ? u16At(at + 6) : u8At(at + 4) === 0 ? u16At(at + 6) : u8At(at + 4) | (u8At(at + 5) << 8);
  decodeIeee80211(p, at + length);
}

/** PPI: version, flags, length (2), link type (4), fields; all little-endian. */
export function decodePpi(p: Packet, at: i32): void {
  if (at + 8 > p.end) {
    fail(p, ERROR_TRUNCATED, LAYER_LINK, at);
    return;
  }
  const length = u8At(at + 2) | (u8At(at + 3) << 8);
  const linktype = u8At(at + 4) | (u8At(at + 5) << 8);
  if (length < 8) fail(p, ERROR_MALFORMED, LAYER_LINK, at);
  else leaveTo(p, NEXT_LINK, at + length, linktype);
}

/** IEEE 802.11 data frames (§9.2, §9.3.2) and the headers captures put before them: radiotap, Prism, AVS, PPI. */
import { LAYER_LINK, MALFORMED, NEXT_LINK, NEXT_LLC, type Packet, TRUNCATED } from "./packet.ts";

/**
 * frame control (2) | duration (2) | address 1 | address 2 | address 3 | sequence (2) | [address 4] [QoS (2)] [HT (4)] | LLC
 *
 * `padded`: the header is filled up to a multiple of 4. Encrypted frames, A-MSDUs and frames without data carry nothing to look into.
 */
export function decodeIeee80211(p: Packet, offset: number, padded = false): void {
  const { data } = p;
  if (offset + 24 > p.end) {
    p.fail(TRUNCATED, LAYER_LINK, offset);
    return;
  }
  const type = (data[offset]! >> 2) & 3;
  const subtype = data[offset]! >> 4;
  const flags = data[offset + 1]!;
  const toDs = (flags & 1) !== 0;
  const fromDs = (flags & 2) !== 0;
  const isData = type === 2 && (subtype & 4) === 0;
  if (!isData || (flags & 0x40) !== 0) return;
  p.l2Data = data;
  p.l2Dst = toDs ? offset + 16 : offset + 4;
  p.l2Src = fromDs ? offset + 16 : offset + 10;
  let header = 24;
  if (toDs && fromDs) {
    p.l2Src = offset + 24;
    header += 6;
  }
  if ((subtype & 8) !== 0) {
    if (offset + header + 2 > p.end) {
      p.fail(TRUNCATED, LAYER_LINK, offset);
      return;
    }
    if ((data[offset + header]! & 0x80) !== 0) return;
    header += (flags & 0x80) !== 0 ? 6 : 2;
  }
  p.goOn(NEXT_LLC, offset + (padded ? (header + 3) & ~3 : header));
}

/** Radiotap: version, pad, length (2, little-endian), presence words, fields in their natural alignment. */
export function decodeRadiotap(p: Packet, offset: number): void {
  const { data } = p;
  if (offset + 8 > p.end) {
    p.fail(TRUNCATED, LAYER_LINK, offset);
    return;
  }
  const length = data[offset + 2]! | (data[offset + 3]! << 8);
  if (length < 8) {
    p.fail(MALFORMED, LAYER_LINK, offset + 2);
    return;
  }
  // The flags byte follows the 8-byte TSFT; 0x10: an FCS follows the frame, 0x20: the 802.11 header is padded to 4.
  let fields = offset + 4;
  while (fields + 4 <= p.end && (data[fields + 3]! & 0x80) !== 0) fields += 4;
  fields += 4;
  const present = data[offset + 4]!;
  if ((present & 1) !== 0) fields = offset + (((fields - offset + 7) & ~7) + 8);
  const flags = (present & 2) !== 0 && fields < offset + length && fields < p.end ? data[fields]! : 0;
  if ((flags & 0x10) !== 0) {
    p.wireEnd = Math.max(p.wireEnd - 4, offset + length);
    if (p.end > p.wireEnd) p.end = Math.max(p.wireEnd, offset);
  }
  decodeIeee80211(p, offset + length, (flags & 0x20) !== 0);
}

/** Prism and AVS monitor headers tell their length in bytes 4 to 7 (Prism in the host's byte order, AVS big-endian). */
export function decodePrism(p: Packet, offset: number): void {
  const { data } = p;
  if (offset + 8 > p.end) {
    p.fail(TRUNCATED, LAYER_LINK, offset);
    return;
  }
  const avs = data[offset] === 0x80 && data[offset + 1] === 0x21;
  const length = avs
    ? (data[offset + 6]! << 8) | data[offset + 7]!
    : data[offset + 4] === 0
      ? (data[offset + 6]! << 8) | data[offset + 7]!
      : data[offset + 4]! | (data[offset + 5]! << 8);
  decodeIeee80211(p, offset + length);
}

/** PPI: version, flags, length (2), link type (4), fields; all little-endian. */
export function decodePpi(p: Packet, offset: number): void {
  const { data } = p;
  if (offset + 8 > p.end) {
    p.fail(TRUNCATED, LAYER_LINK, offset);
    return;
  }
  const length = data[offset + 2]! | (data[offset + 3]! << 8);
  const linktype = data[offset + 4]! | (data[offset + 5]! << 8);
  if (length < 8) p.fail(MALFORMED, LAYER_LINK, offset);
  else p.goOn(NEXT_LINK, offset + length, linktype);
}

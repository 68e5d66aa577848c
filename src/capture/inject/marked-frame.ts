/** Frames that are like no others: EtherType 0x88B5 (IEEE 802, local experimental), the marker of a run and a number. */

const ETHERTYPE = 0x88b5;
const HEADER = 14;
export const MARKER_LENGTH = 8;
/** The least an Ethernet frame has, without its check sequence. */
export const MARKED_FRAME_LENGTH = 60;

/** Writes the frame to `frame` (of `MARKED_FRAME_LENGTH` bytes). It goes to an address that nobody has. */
export function writeMarkedFrame(frame: Uint8Array, source: Uint8Array, marker: Uint8Array, sequence: number): void {
  frame.fill(0);
  // Locally administered, unicast: the switch floods it within its VLAN and no host takes it in.
  frame.set([0x02, ...marker.subarray(0, 5)], 0);
  frame.set(source.subarray(0, 6), 6);
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  view.setUint16(12, ETHERTYPE);
  frame.set(marker, HEADER);
  view.setUint32(HEADER + MARKER_LENGTH, sequence);
}

/** The number of a marked frame at `bytes[start, start + length)` (without VLAN tags), or -1 when it is none of this run. */
export function markedSequence(bytes: Uint8Array, start: number, length: number, marker: Uint8Array): number {
  if (length < HEADER + MARKER_LENGTH + 4) return -1;
  if (((bytes[start + 12]! << 8) | bytes[start + 13]!) !== ETHERTYPE) return -1;
  for (let i = 0; i < MARKER_LENGTH; i++) if (bytes[start + HEADER + i] !== marker[i]) return -1;
  const at = start + HEADER + MARKER_LENGTH;
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

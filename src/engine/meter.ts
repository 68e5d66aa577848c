/**
 * From frames to connections. The life of a packet can be read in `countFrame`: it is decoded, recognised as a copy or not, put together
 * from fragments, followed inwards through tunnels, and counted in the flow table at every layer; frames that are no connection are
 * counted by EtherType.
 */
import { DECIDED, look } from "./apps/look";
import { get64, put64 } from "./bytes";
import { openWindow } from "./check";
import { isCopy } from "./copies";
import { counters } from "./counters";
import { CHECKSUM_RIGHT, CHECKSUM_UNFINISHED, CHECKSUM_WRONG, checksumOf } from "./decode/checksum";
import { decodeFrame, decodeInner } from "./decode/decode";
import {
  addFragment,
  anyDatagram,
  beginDatagram,
  expiredDatagram,
  findDatagram,
  giveUp,
  incomplete,
  placeFor,
  readFragmentKey,
} from "./decode/fragments";
import { Datagram, Packet, Row } from "./generated/layouts";
import { NOT_IP } from "./generated/memory";
import { GRE, IPIP, IPV6, UDP } from "./generated/protocols";
import { options } from "./options";
import { ERROR_NONE, ERROR_TRUNCATED, ERROR_UNSUPPORTED, NEXT_NONE, packet } from "./packet";
import { ROLE_CARRIER, ROLE_HIDDEN } from "./table/row";
import { addBadPacket, addPacket, endAll } from "./table/table";

/** The time of the frame before: a record without a time happened then, as far as anyone can tell. */
let timeBefore: i64 = 0;

/** Rows of the frame counted last: the outermost and the innermost connection it belongs to, 0 for none. */
export let outerRow: usize = 0;
export let innerRow: usize = 0;

/** Counts the frame whose captured bytes begin at `at`; `time` is not looked at where the record has none. */
export function countFrame(
  at: i32,
  captured: i32,
  wireLength: u32,
  time: i64,
  hasTime: bool,
  linktype: i32,
  fcsLength: i32,
): void {
  const p = packet;
  counters.packets++;
  counters.bytes += wireLength;
  counters.capturedBytes += captured;
  if (<u32>captured < wireLength) counters.cutPackets++;
  outerRow = 0;
  innerRow = 0;
  p.time = hasTime ? time : timeBefore;
  timeBefore = p.time;
  if (hasTime) {
    if (time < counters.firstTime) counters.firstTime = time;
    if (time > counters.lastTime) counters.lastTime = time;
  }
  decodeFrame(p, at, captured, wireLength, linktype, fcsLength);
  if (isCopy(p) && options.dropCopies) return;
  if (p.ipVersion === 0) {
    countOther(p);
    return;
  }
  let row = countLayer(p, null);
  if (row === null) return;
  outerRow = row.at;
  while (row !== null) {
    innerRow = row.at;
    if (p.innerKind === NEXT_NONE || !decodeInner(p) || p.ipVersion === 0) return;
    row = countLayer(p, row);
  }
}

/** The capture is over: all connections end. */
export function endCapture(): void {
  for (let datagram = anyDatagram(); datagram !== null; datagram = anyDatagram()) countIncomplete(datagram);
  endAll();
}

/** Counts the packet at hand, carried by a packet of `parent`. @returns its connection, null when it belongs to none */
function countLayer(p: Packet, parent: Row | null): Row | null {
  if (p.fragment && !reassemble(p)) return null;
  if (p.error !== ERROR_NONE && !isCut(p)) counters.malformed++;
  if (!p.transport) return null;
  const checksum = checksumOf(p);
  if (checksum === CHECKSUM_WRONG) counters.badChecksums++;
  else if (checksum === CHECKSUM_UNFINISHED) counters.offloadChecksums++;
  if (checksum !== CHECKSUM_RIGHT && options.verifyChecksums) {
    // Zeek does not know unfinished ones from wrong ones.
    addBadPacket(p, parent);
    p.innerKind = NEXT_NONE;
    return null;
  }
  const row = addPacket(p, parent);
  if (checksum === CHECKSUM_WRONG) row.badChecksums++;
  else if (checksum === CHECKSUM_UNFINISHED) row.offloadChecksums++;
  const isTunnel = p.innerKind !== NEXT_NONE;
  if (row.tries !== DECIDED && (p.payloadCaptured > 0 || (isTunnel && p.protocol === UDP))) look(row);
  if (isTunnel) markCarrier(row, p);
  return row;
}

/** The packet ends early because a snaplen, the capture's or the mirror's, cut it: nothing is wrong with it. */
function isCut(p: Packet): bool {
  return p.error === ERROR_TRUNCATED && (p.captured < p.frameLength || p.wireEnd > p.end);
}

/** GRE and IP-in-IP are not connections in Zeek's sense, what they carry is. */
function markCarrier(row: Row, p: Packet): void {
  const protocol = p.protocol;
  const hide = options.innerOnly || protocol === GRE || protocol === IPIP || protocol === IPV6;
  row.role = ROLE_CARRIER | (hide ? ROLE_HIDDEN : 0);
}

/** Takes a fragment. @returns whether `p` now shows its datagram, complete */
export function reassemble(p: Packet): bool {
  counters.fragments++;
  const start = p.ip;
  const end = p.end;
  for (let old = expiredDatagram(p.time); old !== null; old = expiredDatagram(p.time)) countIncomplete(old);
  openWindow(start, end);
  const hash = readFragmentKey(p);
  let datagram = findDatagram(hash);
  if (datagram === null) {
    datagram = placeFor(hash);
    if (datagram.hash !== 0) countIncomplete(datagram);
    openWindow(start, end);
    beginDatagram(datagram, hash, p);
  }
  return addFragment(p, datagram);
}

/** A datagram that will never be complete: what came of it counts all the same, where its ports are known. */
function countIncomplete(datagram: Datagram): void {
  if (giveUp(datagram)) addPacket(incomplete, null);
}

function countOther(p: Packet): void {
  const error = p.error;
  const type = p.etherType;
  if (error === ERROR_UNSUPPORTED) counters.unsupported++;
  else if (error !== ERROR_NONE && (error !== ERROR_TRUNCATED || type === 0 || type === 0x0800 || type === 0x86dd)) {
    if (!isCut(p)) counters.malformed++;
  } else {
    const place = <usize>NOT_IP + ((<usize>type) << 3);
    put64(place, get64(place) + 1);
  }
}

/**
 * The engine's memory: what the compiler places itself comes first, then these regions in this order, then what is as large as the limit
 * of rows needs (the index of the flow table, the list of the ended), and the rows, last so that they can grow (memory.ts). Memory that
 * is not touched costs nothing.
 */
import { COUNTERS, DATAGRAM, OPTIONS, PACKET } from "./layouts.ts";
import { roundUp } from "./struct.ts";

const KB = 1024;
const MB = 1024 * KB;

/** Bytes the compiler may use for constants and tables. */
const COMPILER = 256 * KB;

export interface Region {
  readonly name: string;
  readonly bytes: number;
  readonly meaning: string;
}

/** Datagrams that are put together at once: so many sets, found by a hash, of so many places each. */
export const DATAGRAM_SETS = 64;
export const DATAGRAM_WAYS = 8;
/** Bytes of a datagram's slice: headers of the first fragment, the payload, a bit for each 8 bytes of it. */
export const DATAGRAM_HEADER = 512;
export const DATAGRAM_PAYLOAD = 64 * KB + 8;
export const DATAGRAM_UNITS = KB;
export const DATAGRAM_SLICE = DATAGRAM_HEADER + DATAGRAM_PAYLOAD + DATAGRAM_UNITS + 504;

/** Seconds the timer wheel looks ahead: a power of two above the longest timeout. */
export const HORIZON = 512;
/** Packets remembered to find copies, a power of two: few enough to stay in the processor's cache. */
export const COPY_ENTRIES = 16 * KB;

const REGIONS: readonly Region[] = [
  { name: "COUNTERS", bytes: COUNTERS.size, meaning: "totals" },
  { name: "OPTIONS", bytes: OPTIONS.size, meaning: "what the host wants" },
  { name: "PACKET", bytes: PACKET.size, meaning: "the packet at hand" },
  { name: "INCOMPLETE", bytes: PACKET.size, meaning: "a datagram that was never completed" },
  { name: "KEY", bytes: 64, meaning: "the key of the packet at hand" },
  { name: "FRAGMENT_KEY", bytes: 64, meaning: "the key of the fragment at hand" },
  { name: "WHEEL", bytes: HORIZON * 4, meaning: "heads of the timer wheel's buckets" },
  { name: "NOT_IP", bytes: 65_536 * 8, meaning: "frames that are not IP, by EtherType, u64" },
  { name: "ENDED_BY_PROTOCOL", bytes: 256 * 8, meaning: "connections that have ended, by protocol, u64" },
  { name: "COPIES", bytes: COPY_ENTRIES * 16, meaning: "packets seen a moment ago" },
  { name: "DATAGRAMS", bytes: DATAGRAM_SETS * DATAGRAM_WAYS * DATAGRAM.size, meaning: "datagrams being put together" },
  { name: "SCRATCH", bytes: 64 * KB, meaning: "room for the call at hand; the host passes texts here" },
  { name: "OUT", bytes: 256 * KB + 64 * KB, meaning: "records being written; the slack holds the longest one" },
  // A record that begins before the end of a chunk is moved in front of the next one.
  { name: "EXPECTED_PORTS", bytes: 65_536, meaning: "whether FTP has announced a connection to a port, by port" },
  { name: "CHUNK", bytes: 2 * MB, meaning: "bytes of a capture" },
  { name: "READ", bytes: 256 * KB, meaning: "where a file is read to" },
  {
    name: "TRACE",
    bytes: (2 * MB * 12) / 16,
    meaning: "where the frames of a chunk began and which rows they were counted in",
  },
  {
    name: "DATAGRAM_BYTES",
    bytes: DATAGRAM_SETS * DATAGRAM_WAYS * DATAGRAM_SLICE,
    meaning: "bytes of datagrams being put together",
  },
  { name: "BLOCKS", bytes: 16 * MB, meaning: "blocks for what is rare or long: histories, parents, VLAN stacks" },
  { name: "NODES", bytes: 12 * MB, meaning: "ranges of TCP streams that came ahead of a hole" },
  { name: "NAMES", bytes: 64 * MB, meaning: "server names, and ClientHellos being put together" },
  { name: "STREAMS", bytes: 64 * MB, meaning: "payload for the host: slots, segments out of order, batches" },
];

export interface PlacedRegion extends Region {
  readonly start: number;
  readonly end: number;
}

function place(): ReadonlyMap<string, PlacedRegion> {
  const placed = new Map<string, PlacedRegion>();
  let start = COMPILER;
  for (const region of REGIONS) {
    placed.set(region.name, { ...region, start, end: start + region.bytes });
    start = roundUp(start + region.bytes, 64);
  }
  return placed;
}

export const MEMORY = place();

/** Where the regions end, and what depends on the limit of rows begins. */
export const MAP_END = roundUp(Math.max(...[...MEMORY.values()].map(({ end }) => end)), 64 * KB);

/** Where a region begins. */
export function startOf(name: string): number {
  return MEMORY.get(name)!.start;
}

/** Frames and captures for tests, built by hand. */
import { Frame } from "../../src/capture/frame.ts";

/** A frame of `bytes`, as a reader would hand it on. */
export function frameOf(bytes: Uint8Array, fields: Partial<Frame> = {}): Frame {
  return Object.assign(new Frame(), {
    data: bytes,
    caplen: bytes.length,
    origLen: bytes.length,
    linktype: 1,
    ...fields,
  });
}

export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replace(/[^0-9a-fA-F]/g, ""), "hex"));
}

const MAC_A = "525400000001";
const MAC_B = "525400000002";

export function ethernet(type: number, payload: Uint8Array): Uint8Array {
  return Buffer.concat([hex(MAC_B), hex(MAC_A), u16(type), payload]);
}

export function u16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 255);
}

export function u32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

export interface Ipv4Fields {
  readonly id?: number;
  /** Fragment offset in bytes, and whether more fragments follow. */
  readonly offset?: number;
  readonly more?: boolean;
  readonly totalLength?: number;
  readonly source?: string;
  readonly target?: string;
}

export function ipv4(protocol: number, payload: Uint8Array, fields: Ipv4Fields = {}): Uint8Array {
  const address = (text: string) => Uint8Array.from(text.split(".").map(Number));
  const fragment = ((fields.offset ?? 0) >> 3) | (fields.more ? 0x2000 : 0);
  return Buffer.concat([
    Uint8Array.of(0x45, 0),
    u16(fields.totalLength ?? 20 + payload.length),
    u16(fields.id ?? 1),
    u16(fragment),
    Uint8Array.of(64, protocol, 0, 0),
    address(fields.source ?? "10.0.0.1"),
    address(fields.target ?? "10.0.0.2"),
    payload,
  ]);
}

export function ipv6(next: number, payload: Uint8Array): Uint8Array {
  return Buffer.concat([
    hex("60000000"),
    u16(payload.length),
    Uint8Array.of(next, 64),
    hex("20010db8000000000000000000000001"),
    hex("20010db8000000000000000000000002"),
    payload,
  ]);
}

export function udp(source: number, target: number, payload: Uint8Array): Uint8Array {
  return Buffer.concat([u16(source), u16(target), u16(8 + payload.length), u16(0), payload]);
}

export function tcp(
  source: number,
  target: number,
  seq: number,
  ack: number,
  flags: number,
  payload: Uint8Array,
): Uint8Array {
  return Buffer.concat([
    u16(source),
    u16(target),
    u32(seq),
    u32(ack),
    Uint8Array.of(0x50, flags, 0x10, 0, 0, 0, 0, 0),
    payload,
  ]);
}

/** A little-endian microsecond pcap of frames a millisecond apart. */
export function pcap(frames: readonly Uint8Array[], linktype = 1): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(262144, 16);
  header.writeUInt32LE(linktype, 20);
  const records = frames.map((frame, i) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(1_700_000_000 + Math.floor(i / 1000), 0);
    record.writeUInt32LE((i % 1000) * 1000, 4);
    record.writeUInt32LE(frame.length, 8);
    record.writeUInt32LE(frame.length, 12);
    return Buffer.concat([record, frame]);
  });
  return Buffer.concat([header, ...records]);
}

/** Builds capture files in memory, byte by byte, for the tests of the readers. */

export interface PcapPacket {
  sec?: number;
  fraction?: number;
  data: Uint8Array;
  origLen?: number;
}

export interface PcapShape {
  magic?: number;
  little?: boolean;
  major?: number;
  minor?: number;
  snaplen?: number;
  linktype?: number;
}

const NONE: Buffer = Buffer.alloc(0);

function u32(value: number, little: boolean): Buffer {
  const bytes = Buffer.alloc(4);
  if (little) bytes.writeUInt32LE(value >>> 0);
  else bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

function u16(value: number, little: boolean): Buffer {
  return u32(value, little).subarray(little ? 0 : 2, little ? 2 : 4);
}

/** A classic pcap file. */
export function pcap(packets: readonly PcapPacket[], shape: PcapShape = {}): Buffer {
  const little = shape.little ?? true;
  const magic = shape.magic ?? 0xa1b2c3d4;
  const [major, minor] = [shape.major ?? 2, shape.minor ?? 4];
  const parts = [u32(magic, little), u16(major, little), u16(minor, little), u32(0, little), u32(0, little)];
  parts.push(u32(shape.snaplen ?? 262_144, little), u32(shape.linktype ?? 1, little));
  const kuznetzov = magic === 0xa1b2cd34;
  // IXIA's lcap: the length of all records.
  if (magic >>> 8 === 0x1c0001) parts.push(u32(0, little));
  for (const { sec = 1_700_000_000, fraction = 0, data, origLen = data.length } of packets) {
    const lengths = [u32(data.length, little), u32(origLen, little)];
    if (major === 2 && minor < 3) lengths.reverse();
    parts.push(u32(sec, little), u32(fraction, little), ...lengths, ...(kuznetzov ? [Buffer.alloc(8)] : []));
    parts.push(Buffer.from(data));
  }
  return Buffer.concat(parts);
}

/** A pcapng block around a body, which is padded to four bytes. */
export function block(type: number, body: Uint8Array, little = true): Buffer {
  const padded = Buffer.concat([body, Buffer.alloc(-body.length & 3)]);
  const total = u32(padded.length + 12, little);
  return Buffer.concat([u32(type, little), total, padded, total]);
}

export function option(code: number, value: Uint8Array, little = true): Buffer {
  return Buffer.concat([u16(code, little), u16(value.length, little), value, Buffer.alloc(-value.length & 3)]);
}

export function section({ little = true, major = 1, minor = 0, options = NONE } = {}): Buffer {
  const body = [u32(0x1a2b3c4d, little), u16(major, little), u16(minor, little), Buffer.alloc(8, 0xff), options];
  return block(0x0a0d0d0a, Buffer.concat(body), little);
}

export function iface({ little = true, linktype = 1, snaplen = 0, options = NONE } = {}): Buffer {
  return block(1, Buffer.concat([u16(linktype, little), u16(0, little), u32(snaplen, little), options]), little);
}

export interface EnhancedPacket {
  little?: boolean;
  interfaceId?: number;
  ticks?: bigint;
  data: Uint8Array;
  origLen?: number;
  options?: Buffer;
}

export function enhanced(packet: EnhancedPacket): Buffer {
  const { little = true, interfaceId = 0, ticks = 0n, data, origLen = data.length, options = NONE } = packet;
  const numbers = [interfaceId, Number(ticks >> 32n), Number(ticks & 0xffffffffn), data.length, origLen];
  const body = [...numbers.map((value) => u32(value, little)), data, Buffer.alloc(-data.length & 3), options];
  return block(6, Buffer.concat(body), little);
}

export function simple(data: Uint8Array, { little = true, origLen = data.length } = {}): Buffer {
  return block(3, Buffer.concat([u32(origLen, little), data]), little);
}

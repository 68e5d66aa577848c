/**
 * The checksums of disks: CRC-32C as the kernel chains it (no inversion at either end), CRC-16 of old group descriptors,
 * and the plain CRC-32 of GPT. Tables of eight bytes at a step ("slicing-by-8").
 */

function makeTables(polynomial: number): Int32Array[] {
  const tables = Array.from({ length: 8 }, () => new Int32Array(256));
  for (let i = 0; i < 256; i++) {
    let value = i;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
    tables[0]![i] = value;
  }
  for (let t = 1; t < 8; t++) {
    for (let i = 0; i < 256; i++) {
      const before = tables[t - 1]![i]!;
      tables[t]![i] = (before >>> 8) ^ tables[0]![before & 255]!;
    }
  }
  return tables;
}

const CASTAGNOLI = makeTables(0x82f63b78);
const IEEE = makeTables(0xedb88320);

function update(tables: readonly Int32Array[], seed: number, data: Uint8Array): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
  ];
  let crc = seed;
  let i = 0;
  for (const end = data.length - 7; i < end; i += 8) {
    crc ^= data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24);
    crc =
      t7[crc & 255]! ^
      t6[(crc >>> 8) & 255]! ^
      t5[(crc >>> 16) & 255]! ^
      t4[crc >>> 24]! ^
      t3[data[i + 4]!]! ^
      t2[data[i + 5]!]! ^
      t1[data[i + 6]!]! ^
      t0[data[i + 7]!]!;
  }
  for (; i < data.length; i++) crc = (crc >>> 8) ^ t0[(crc ^ data[i]!) & 255]!;
  return crc >>> 0;
}

/** CRC-32C continued from `seed`; the kernel starts it with 0xffffffff (lib/crc32.c, crc32c_le). */
export function crc32c(seed: number, data: Uint8Array): number {
  return update(CASTAGNOLI, seed, data);
}

/** CRC-32C continued over one 32-bit number in little-endian order. */
export function crc32cOfNumber(seed: number, value: number): number {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32LE(value);
  return crc32c(seed, bytes);
}

/** The usual CRC-32 of a whole buffer, as GPT and zip have it. */
export function crc32(data: Uint8Array): number {
  return (update(IEEE, 0xffffffff, data) ^ 0xffffffff) >>> 0;
}

/** CRC-16 with the reflected polynomial 0xA001, continued from `seed` (lib/crc16.c). */
export function crc16(seed: number, data: Uint8Array): number {
  let crc = seed;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
  }
  return crc;
}

/** Where a Zstandard frame ends (RFC 8878 §3.1.1): a qcow2 compressed cluster is padded to whole sectors after it. */
import { DamagedError } from "../device.ts";

/** Length in bytes of the one frame at the start of `data`. @throws DamagedError when it is cut or is none. */
export function zstdFrameLength(data: Buffer): number {
  if (data.length < 6 || data.readUInt32LE(0) !== 0xfd2fb528)
    throw new DamagedError("a compressed cluster is no zstd frame");
  const descriptor = data[4]!;
  const singleSegment = (descriptor & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][descriptor & 3]!;
  const contentSize = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
  let at = 5 + (singleSegment ? 0 : 1) + dictionary + contentSize;
  for (;;) {
    if (at + 3 > data.length) throw new DamagedError("a compressed cluster is cut");
    const header = data.readUIntLE(at, 3);
    at += 3 + (((header >> 1) & 3) === 1 ? 1 : header >> 3);
    if (header & 1) break;
  }
  if (descriptor & 4) at += 4;
  if (at > data.length) throw new DamagedError("a compressed cluster is cut");
  return at;
}

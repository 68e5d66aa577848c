/** Reads a source to its end, decompressing it where its first bytes say so. */
import type { Compression } from "../format/summary.ts";
import type { ByteSource } from "../source/bytes.ts";
import { compressionOf, type Decompress, type Output } from "./decompress.ts";

/** Pushes all bytes of `source`, decompressed, into `output`, until the end, damage or `output.stopped`. */
export async function readDecompressed(source: ByteSource, output: Output): Promise<Compression | null> {
  const compression = compressionOf(await source.lookahead(4));
  if (compression) {
    const decompress = await decompressor(compression);
    await decompress(source, output);
    return compression;
  }
  for (;;) {
    const chunk = await source.peek(Number.POSITIVE_INFINITY);
    if (!chunk) return null;
    output.push(chunk);
    if (output.stopped) return null;
    source.consume(chunk.length);
  }
}

/** Loaded when needed: most files are not compressed. */
async function decompressor(compression: Compression): Promise<Decompress> {
  switch (compression) {
    case "gzip":
      return (await import("./gzip.ts")).gunzip;
    case "zstd":
      return (await import("./zstd.ts")).unzstd;
    case "lz4":
      return (await import("./lz4.ts")).unlz4;
  }
}

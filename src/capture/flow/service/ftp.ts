/** FTP's data connections (RFC 959, RFC 2428): where PORT, EPRT and the replies 227 and 229 say they will go. */

import { startsWithAnyCase } from "./bytes.ts";

export interface FtpDataEnd {
  /** The address as a number; undefined where it is that of the speaker. */
  readonly ipv4: number | undefined;
  readonly port: number;
}

const LONGEST = 200;

/** The end a line of FTP announces; undefined when it announces none. */
export function ftpDataEnd(data: Uint8Array, offset: number, end: number): FtpDataEnd | undefined {
  if (!announces(data, offset, end)) return undefined;
  const line = Buffer.from(data.subarray(offset, Math.min(end, offset + LONGEST))).toString("latin1");
  const numbers = /^(?:PORT |227[^\d\n]*[^\n]*?\(?)(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})/i.exec(
    line,
  );
  if (numbers) {
    const [a, b, c, d, high, low] = numbers.slice(1).map(Number) as [number, number, number, number, number, number];
    if ([a, b, c, d, high, low].some((byte) => byte > 255)) return undefined;
    return { ipv4: ((a << 24) | (b << 16) | (c << 8) | d) >>> 0, port: high * 256 + low };
  }
  const extended = /^(?:229[^\n]*\(|EPRT )(.)[^|\n]*\1[^|\n]*\1(\d{1,5})\1/i.exec(line);
  const port = Number(extended?.[2]);
  return port > 0 && port < 65_536 ? { ipv4: undefined, port } : undefined;
}

/** Whether the line is one of the four: most need not become text. */
function announces(data: Uint8Array, offset: number, end: number): boolean {
  const first = data[offset]! | 0x20;
  if (first === 0x70) return startsWithAnyCase(data, offset, end, "PORT ");
  if (first === 0x65) return startsWithAnyCase(data, offset, end, "EPRT ");
  return startsWithAnyCase(data, offset, end, "227") || startsWithAnyCase(data, offset, end, "229");
}

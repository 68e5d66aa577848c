/** FTP's data connections (RFC 959, RFC 2428): where PORT, EPRT and the replies 227 and 229 say they will go. */

export interface FtpDataEnd {
  /** The address's bytes; undefined where it is that of the speaker. */
  readonly ipv4: readonly number[] | undefined;
  readonly port: number;
}

const LONGEST = 200;

/** The end that a line of FTP announces; undefined when it announces none. */
export function ftpDataEnd(payload: Uint8Array): FtpDataEnd | undefined {
  const line = Buffer.from(payload.subarray(0, LONGEST)).toString("latin1");
  const numbers = /^(?:PORT |227[^\d\n]*[^\n]*?\(?)(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})/i.exec(
    line,
  );
  if (numbers) {
    const [a, b, c, d, high, low] = numbers.slice(1).map(Number) as [number, number, number, number, number, number];
    if ([a, b, c, d, high, low].some((byte) => byte > 255)) return undefined;
    return { ipv4: [a, b, c, d], port: high * 256 + low };
  }
  const extended = /^(?:229[^\n]*\(|EPRT )(.)[^|\n]*\1[^|\n]*\1(\d{1,5})\1/i.exec(line);
  const port = Number(extended?.[2]);
  return port > 0 && port < 65_536 ? { ipv4: undefined, port } : undefined;
}

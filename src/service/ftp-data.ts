/** FTP's data connections (RFC 959, RFC 2428): where PORT, EPRT and the replies 227 and 229 say they will go. */

export interface AnnouncedEnd {
  /** Undefined where it is that of the speaker. */
  readonly host: string | undefined;
  readonly port: number;
}

/** The end that a line of FTP, command or reply, announces; undefined when it announces none. */
export function announcedEnd(line: string): AnnouncedEnd | undefined {
  const numbers = /^(?:PORT |227[^\d\n]*[^\n]*?\(?)(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})/i.exec(
    line,
  );
  if (numbers) {
    const bytes = numbers.slice(1).map(Number);
    if (bytes.some((byte) => byte > 255)) return undefined;
    return { host: bytes.slice(0, 4).join("."), port: bytes[4]! * 256 + bytes[5]! };
  }
  const extended = /^(?:229[^\n]*\(|EPRT )(.)[^|\n]*\1([^|\n]*)\1(\d{1,5})\1/i.exec(line);
  const port = Number(extended?.[3]);
  return port > 0 && port < 65_536 ? { host: extended![2] || undefined, port } : undefined;
}

export interface FtpDataEnd {
  /** The address's bytes; undefined where it is that of the speaker. */
  readonly ipv4: readonly number[] | undefined;
  readonly port: number;
}

const LONGEST = 200;

/** The same of payload, as the engine's host wants it: IPv6 announces the speaker's own address. */
export function ftpDataEnd(payload: Uint8Array): FtpDataEnd | undefined {
  const end = announcedEnd(Buffer.from(payload.subarray(0, LONGEST)).toString("latin1"));
  if (!end) return undefined;
  const isIpv4 = end.host !== undefined && /^[\d.]+$/.test(end.host);
  return { ipv4: isIpv4 ? end.host!.split(".").map(Number) : undefined, port: end.port };
}

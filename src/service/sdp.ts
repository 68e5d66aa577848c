/** Session descriptions (RFC 8866), as far as they say where RTP will go: addresses of `c=` lines, ports of `m=` lines. */
import { isIPv4, isIPv6 } from "node:net";

export interface MediaEnd {
  /** Four bytes, or sixteen. */
  readonly address: readonly number[];
  readonly port: number;
}

/** Media of one description, and bytes of it, that are read. */
const MOST = 16;
const LONGEST = 8192;

/** The ends a description names: of each medium its port, and the next one, which RTCP uses (RFC 3550 §11). */
export function mediaEnds(message: Uint8Array): MediaEnd[] {
  const ends: MediaEnd[] = [];
  let session: readonly number[] | undefined;
  let media: { ports: readonly number[]; address: readonly number[] | undefined } | undefined;
  const take = () => {
    const address = media?.address ?? session;
    if (media && address) for (const port of media.ports) ends.push({ address, port });
    media = undefined;
  };
  for (const line of Buffer.from(message.subarray(0, LONGEST)).toString("latin1").split(/\r?\n/)) {
    const connection = /^c=IN IP[46] ([0-9A-Fa-f.:]{2,45})(?:\/\d+)*$/.exec(line);
    if (connection) {
      const address = bytesOf(connection[1]!);
      if (media) media.address = address;
      else session = address;
      continue;
    }
    const medium = /^m=\w+ (\d{1,5})(?:\/\d+)? \S*RTP\//.exec(line);
    if (line.startsWith("m=")) take();
    const port = Number(medium?.[1] ?? 0);
    if (port > 0 && port < 65_535 && ends.length < MOST) media = { ports: [port, port + 1], address: undefined };
  }
  take();
  return ends;
}

/** An address's bytes; undefined for what is none. */
function bytesOf(text: string): readonly number[] | undefined {
  if (isIPv4(text)) return text.split(".").map(Number);
  if (!isIPv6(text) || text.includes(".")) return undefined;
  const [head = "", tail] = text.split("::");
  const groups = (half: string) => (half === "" ? [] : half.split(":"));
  const [front, back] = [groups(head), groups(tail ?? "")];
  const all = tail === undefined ? front : [...front, ...Array(8 - front.length - back.length).fill("0"), ...back];
  return all.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]);
}

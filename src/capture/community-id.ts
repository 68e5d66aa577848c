/**
 * Community ID v1 (github.com/corelight/community-id-spec) for the library: SHA-1 over the ordered 5-tuple, so that tools agree on a name
 * for a flow. The engine has its own (engine/record/community-id.ts), which the same vectors test.
 *
 *     "1:" + base64(SHA1(seed (2) | smaller address | larger | protocol (1) | 0 (1) [| port (2) | port (2)]))
 */
import { createHash } from "node:crypto";
import { protocolNumber } from "../engine/host/protocols.ts";
import { counterparts, ICMP_PAIRS, ICMPV6_PAIRS, ONE_WAY } from "../engine/tables/icmp-pairs.ts";

const ICMP = protocolNumber("icmp");
const ICMPV6 = protocolNumber("icmpv6");
/** Protocols whose ports are part of the id. */
const WITH_PORTS = new Set([ICMP, ICMPV6, ...(["tcp", "udp", "sctp"] as const).map(protocolNumber)]);
const COUNTERPARTS = new Map([
  [ICMP, counterparts(ICMP_PAIRS)],
  [ICMPV6, counterparts(ICMPV6_PAIRS)],
]);

export interface CommunityIdInput {
  /** IANA protocol number. */
  readonly protocol: number;
  /** Addresses as text, both of the same version. */
  readonly source: string;
  readonly target: string;
  /** Ports; for ICMP the message's type and code as on the wire. Without meaning for other protocols. */
  readonly sourcePort?: number;
  readonly targetPort?: number;
  /** 16 bits, default 0. */
  readonly seed?: number;
}

/** The Community ID v1 of a flow, `1:…`. @throws RangeError when an address is none, or the two differ in version. */
export function communityId(input: CommunityIdInput): string {
  const { protocol, sourcePort = 0, targetPort = 0, seed = 0 } = input;
  const source = parseAddress(input.source);
  const target = parseAddress(input.target);
  if (source.length !== target.length) throw new RangeError("the addresses differ in IP version");
  // A message of a pair has its counterpart as the other port; any other has its code, and is not ordered.
  const counterpart = COUNTERPARTS.get(protocol)?.[sourcePort & 255];
  const oneWay = counterpart === ONE_WAY;
  const ends = [
    endOf(source, sourcePort),
    endOf(target, counterpart === undefined || oneWay ? targetPort : counterpart),
  ];
  if (!oneWay) ends.sort(Buffer.compare);
  const size = source.length * 4;
  const hash = createHash("sha1").update(twoBytes(seed));
  for (const end of ends) hash.update(end.subarray(0, size));
  hash.update(Buffer.from([protocol, 0]));
  if (WITH_PORTS.has(protocol)) for (const end of ends) hash.update(end.subarray(size));
  return `1:${hash.digest("base64")}`;
}

/** An address, most significant byte first, and a port behind it. */
function endOf(words: readonly number[], port: number): Buffer {
  const address = Buffer.alloc(words.length * 4);
  words.forEach((word, i) => {
    address.writeUInt32BE(word, i * 4);
  });
  return Buffer.concat([address, twoBytes(port)]);
}

function twoBytes(value: number): Buffer {
  return Buffer.from([(value >> 8) & 255, value & 255]);
}

/** The 32-bit words of an address in text: one for IPv4, four for IPv6. @throws RangeError */
export function parseAddress(text: string): number[] {
  const quad = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (quad) {
    const bytes = quad.slice(1).map(Number);
    if (bytes.every((byte) => byte < 256)) return [bytes.reduce((word, byte) => word * 256 + byte, 0)];
  }
  const mixed = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (mixed) {
    const word = parseAddress(mixed[2]!)[0]!;
    return parseAddress(`${mixed[1]}${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`);
  }
  const halves = text.split("::");
  const groups = (half: string | undefined) => (half ? half.split(":") : []);
  const head = groups(halves[0]);
  const tail = groups(halves[1]);
  const missing = 8 - head.length - tail.length;
  const all = halves.length === 2 ? [...head, ...Array<string>(Math.max(missing, 0)).fill("0"), ...tail] : head;
  const valid = halves.length <= 2 && all.length === 8 && all.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group));
  if (!valid) throw new RangeError(`not an IP address: '${text}'`);
  const numbers = all.map((group) => Number.parseInt(group, 16));
  return [0, 2, 4, 6].map((i) => numbers[i]! * 65536 + numbers[i + 1]!);
}

/** IP addresses with prefix lengths, as far as a tap's address needs them (RFC 4632, RFC 4291 §2.3). */
import { BlockList, isIP } from "node:net";
import { UsageError } from "../core/errors.ts";
import { sanitize } from "../core/text.ts";

export interface Cidr {
  readonly ip: string;
  readonly prefix: number;
  readonly family: 4 | 6;
}

/** Reads `10.0.0.1/24` or `fd00::1/64`. @throws UsageError */
export function parseCidr(text: string): Cidr {
  const match = /^([0-9a-fA-F:.]+)\/(\d{1,3})$/.exec(text);
  const family = match ? isIP(match[1]!) : 0;
  const prefix = Number(match?.[2]);
  if (!match || (family !== 4 && family !== 6) || prefix > (family === 4 ? 32 : 128)) {
    throw new UsageError(`not an IP address with prefix length: '${sanitize(text)}'`, {
      hint: "e.g. 10.0.0.1/24, fd00::1/64",
    });
  }
  return { ip: match[1]!, prefix, family };
}

/** Whether two subnets have an address in common. */
export function overlaps(a: Cidr, b: Cidr): boolean {
  if (a.family !== b.family) return false;
  const type = a.family === 4 ? "ipv4" : "ipv6";
  const [wide, narrow] = a.prefix <= b.prefix ? [a, b] : [b, a];
  const subnet = new BlockList();
  subnet.addSubnet(wide.ip, wide.prefix, type);
  return subnet.check(narrow.ip, type);
}

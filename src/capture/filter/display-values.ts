/** The values of a display filter: numbers, durations, addresses, as people write them. */
import { isIPv4, isIPv6 } from "node:net";

/** Words of an address and of the mask it is compared under, most significant first; IPv4 has one. */
export interface Network {
  readonly words: readonly number[];
  readonly masks: readonly number[];
}

const SCALE: Record<string, number> = { "": 1, k: 1e3, K: 1e3, M: 1e6, G: 1e9 };
const SECONDS: Record<string, number> = { "": 1, us: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 };

/** `80`, `0x50`, `1.5k`, `10M`; undefined when it is none of these. */
export function parseNumber(text: string): number | undefined {
  if (/^0x[0-9a-f]+$/i.test(text)) return Number(text);
  const match = /^(\d+(?:\.\d+)?)([kKMG]?)$/.exec(text);
  return match ? Number(match[1]) * SCALE[match[2]!]! : undefined;
}

/** Seconds of `2`, `1.5s`, `20ms`, `5m`, `1h`. */
export function parseSeconds(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(us|ms|s|m|h)?$/.exec(text);
  return match ? Number(match[1]) * SECONDS[match[2] ?? ""]! : undefined;
}

/** An IPv4 address, or a network as `10.0.0.0/8`. */
export function parseIpv4(text: string): Network | undefined {
  const [address, length] = split(text, 32);
  if (length === undefined || !isIPv4(address)) return undefined;
  const word = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  return { words: [word >>> 0], masks: [mask(length)] };
}

/** An IPv6 address, or a network as `2001:db8::/32`. */
export function parseIpv6(text: string): Network | undefined {
  const [address, length] = split(text, 128);
  if (length === undefined || !isIPv6(address) || address.includes("%")) return undefined;
  const groups = expand(address);
  const words = [0, 2, 4, 6].map((index) => ((groups[index]! << 16) | groups[index + 1]!) >>> 0);
  return { words, masks: [0, 32, 64, 96].map((start) => mask(Math.min(32, Math.max(0, length - start)))) };
}

/** Six bytes of `52:54:00:12:34:56`, also with `-` or as `5254.0012.3456`. */
export function parseMac(text: string): readonly number[] | undefined {
  if (!/^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$|^([0-9a-f]{4}\.){2}[0-9a-f]{4}$/i.test(text)) return undefined;
  return [...Buffer.from(text.replaceAll(/[:.-]/g, ""), "hex")];
}

function split(text: string, most: number): [string, number | undefined] {
  const slash = text.indexOf("/");
  if (slash < 0) return [text, most];
  const length = text.slice(slash + 1);
  return [text.slice(0, slash), /^\d{1,3}$/.test(length) && Number(length) <= most ? Number(length) : undefined];
}

function mask(bits: number): number {
  return bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
}

/** The eight groups of a valid IPv6 address. */
function expand(address: string): number[] {
  const dotted = /:(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const plain = dotted
    ? `${address.slice(0, dotted.index)}:${[1, 3]
        .map((index) => (Number(dotted[index]) * 256 + Number(dotted[index + 1])).toString(16))
        .join(":")}`
    : address;
  const [head = "", tail] = plain.split("::");
  const parse = (part: string) => (part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16)));
  if (tail === undefined) return parse(head);
  const [left, right] = [parse(head), parse(tail)];
  return [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right];
}

/** Names of addresses as DNS answers on the wire gave them (RFC 1035 §4). They are hints: whoever answered may have lied. */
import { formatIpv4, formatIpv6 } from "../../core/address.ts";

/** Addresses that are remembered; beyond it the one learned first is forgotten. */
const MOST = 20_000;
const MOST_ANSWERS = 64;
const TYPE_A = 1;
const TYPE_AAAA = 28;

export class LearnedNames {
  readonly #names = new Map<string, string>();

  /** The name an address was given in an answer, or empty. */
  of(address: string): string {
    return this.#names.get(address) ?? "";
  }

  /** Looks at a DNS message in `data[offset, end)`: whatever is cut off or makes no sense teaches nothing. */
  learn(data: Uint8Array, offset: number, end: number): void {
    if (end - offset < 12 || (data[offset + 2]! & 0x80) === 0) return;
    const u16 = (at: number): number => (data[at]! << 8) | data[at + 1]!;
    if (u16(offset + 4) !== 1) return;
    const question = readName(data, offset, offset + 12, end);
    if (question === null) return;
    let at = question.next + 4;
    const answers = Math.min(u16(offset + 6), MOST_ANSWERS);
    for (let answer = 0; answer < answers; answer++) {
      const owner = readName(data, offset, at, end);
      if (owner === null || owner.next + 10 > end) return;
      const length = u16(owner.next + 8);
      const rdata = owner.next + 10;
      at = rdata + length;
      if (at > end) return;
      const type = u16(owner.next);
      const word = (index: number): number => ((u16(rdata + index * 4) << 16) | u16(rdata + index * 4 + 2)) >>> 0;
      if (type === TYPE_A && length === 4) this.#set(formatIpv4(word(0)), question.name);
      else if (type === TYPE_AAAA && length === 16) {
        this.#set(formatIpv6(word(0), word(1), word(2), word(3)), question.name);
      }
    }
  }

  #set(address: string, name: string): void {
    this.#names.delete(address);
    this.#names.set(address, name);
    if (this.#names.size > MOST) this.#names.delete(this.#names.keys().next().value!);
  }
}

/**
 * The domain name at `at` of the message that begins at `start`, compressed or not, and where what follows it begins; null
 * when it is cut off or does not end.
 */
export function readName(
  data: Uint8Array,
  start: number,
  at: number,
  end: number,
): { readonly name: string; readonly next: number } | null {
  const labels: string[] = [];
  let next = -1;
  let position = at;
  let length = 0;
  for (let jumps = 0; jumps < 32; ) {
    if (position >= end) return null;
    const size = data[position]!;
    if (size === 0) return { name: labels.join("."), next: next < 0 ? position + 1 : next };
    if (size >= 0xc0) {
      if (position + 1 >= end) return null;
      if (next < 0) next = position + 2;
      position = start + (((size & 0x3f) << 8) | data[position + 1]!);
      jumps++;
      continue;
    }
    length += size + 1;
    if (size > 63 || position + 1 + size > end || length > 255) return null;
    labels.push(Buffer.from(data.buffer, data.byteOffset + position + 1, size).toString("latin1"));
    position += 1 + size;
  }
  return null;
}

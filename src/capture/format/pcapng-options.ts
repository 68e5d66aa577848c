/** The options of pcapng blocks (draft-ietf-opsawg-pcapng §3.5, §4.2), and the names of a Name Resolution Block (§4.5). */

const END_OF_OPTIONS = 0;
const IF_NAME = 2;
const IF_DESCRIPTION = 3;
const IF_TSRESOL = 9;
const IF_FILTER = 11;
const IF_FCSLEN = 13;
const IF_TSOFFSET = 14;

const NAME_RECORD_IPV4 = 1;
const NAME_RECORD_IPV6 = 2;
/** Names kept of a file, so that one cannot fill the memory with them. */
const MAX_NAMES = 65_536;

/** Code, length and value triples, padded to four bytes. */
export class Options {
  readonly view: DataView;
  readonly little: boolean;
  /** An option's length runs past the end of the block. */
  readonly overrun: boolean;
  readonly #body: Uint8Array;
  readonly #values = new Map<number, { at: number; length: number }>();

  /** The options that start at byte `start` of a block's body. */
  constructor(body: Uint8Array, start: number, little: boolean) {
    this.view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    this.little = little;
    this.#body = body;
    let overrun = false;
    let position = start;
    while (position + 4 <= body.length) {
      const code = this.view.getUint16(position, little);
      const length = this.view.getUint16(position + 2, little);
      if (code === END_OF_OPTIONS) break;
      const at = position + 4;
      if (at + length > body.length) {
        overrun = true;
        break;
      }
      // Of options that may not be repeated the first counts.
      if (!this.#values.has(code)) this.#values.set(code, { at, length });
      position = at + ((length + 3) & ~3);
    }
    this.overrun = overrun;
  }

  bytes(code: number): Uint8Array | undefined {
    const value = this.#values.get(code);
    return value && this.#body.subarray(value.at, value.at + value.length);
  }

  /** UTF-8 text up to the first NUL, as it is in the file. */
  text(code: number): string | null {
    const bytes = this.bytes(code);
    if (!bytes) return null;
    const nul = bytes.indexOf(0);
    return Buffer.from(nul < 0 ? bytes : bytes.subarray(0, nul)).toString("utf8");
  }

  /** An unsigned 64-bit number as the nearest double. */
  uint64(code: number): number | undefined {
    const value = this.#values.get(code);
    return value?.length === 8 ? Number(this.view.getBigUint64(value.at, this.little)) : undefined;
  }

  int64(code: number): number | undefined {
    const value = this.#values.get(code);
    return value?.length === 8 ? Number(this.view.getBigInt64(value.at, this.little)) : undefined;
  }
}

/** What an Interface Description Block's options say. */
export function interfaceOptions(options: Options) {
  const resolution = options.bytes(IF_TSRESOL)?.[0] ?? 6;
  const ticksPerSec = ticksPerSecond(resolution);
  return {
    name: options.text(IF_NAME),
    description: options.text(IF_DESCRIPTION),
    filter: options.bytes(IF_FILTER)?.[0] === 0 ? filterText(options.bytes(IF_FILTER)!) : null,
    fcsLength: options.bytes(IF_FCSLEN)?.[0] ?? 0,
    ticksPerSec,
    timeResolution: ticksPerSec === 0 ? null : resolution & 0x80 ? 1 / ticksPerSec : Number(`1e-${resolution}`),
    offsetSec: options.int64(IF_TSOFFSET) ?? 0,
  };
}

/** if_filter of kind 0 is the text of a pcap-filter expression. */
function filterText(value: Uint8Array): string {
  return Buffer.from(value.subarray(1)).toString("utf8").replaceAll("\0", "");
}

/** Bit 7 chooses powers of two; what a 64-bit clock cannot count in is 0. */
function ticksPerSecond(resolution: number): number {
  const exponent = resolution & 0x7f;
  if (resolution & 0x80) return exponent <= 63 ? 2 ** exponent : 0;
  return exponent <= 19 ? 10 ** exponent : 0;
}

/** Adds the names of a Name Resolution Block's body to `names` (address in text: first name). False when it is damaged. */
export function readNames(body: Uint8Array, little: boolean, names: Map<string, string>): boolean {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  let position = 0;
  while (position + 4 <= body.length) {
    const type = view.getUint16(position, little);
    const length = view.getUint16(position + 2, little);
    if (type === 0) return true;
    const at = position + 4;
    if (at + length > body.length) return false;
    const addressLength = type === NAME_RECORD_IPV4 ? 4 : type === NAME_RECORD_IPV6 ? 16 : 0;
    if (addressLength > 0 && length > addressLength && names.size < MAX_NAMES) {
      const text = Buffer.from(body.subarray(at + addressLength, at + length)).toString("utf8");
      const first = text.split("\0", 1)[0]!;
      const address = Buffer.from(body.subarray(at, at + addressLength));
      if (first !== "") names.set(addressLength === 4 ? address.join(".") : groups(address), first);
    }
    position = at + ((length + 3) & ~3);
  }
  return position === body.length;
}

/** An IPv6 address as eight full groups, the spelling NRB hints are looked up by. */
function groups(address: Buffer): string {
  return address.toString("hex").match(/.{4}/g)!.join(":");
}

/**
 * IPFIX (RFC 7011), NetFlow 9 (RFC 3954) and NetFlow 5 messages as flow records. Templates belong to a source and its observation
 * domain; sets that come before their template wait for it, bounded. Messages may lie: what cannot be read is counted, never thrown.
 */
import { REVERSE_PEN, VARIABLE } from "./elements.ts";

/** A field's value: a number up to 2^53, bytes of an address or MAC, or text. */
export type FieldValue = number | Uint8Array | string;

/** One flow record: element id (IANA's) -> value; elements of the reverse direction apart. */
export interface FlowRecord {
  readonly fields: ReadonlyMap<number, FieldValue>;
  readonly reverse: ReadonlyMap<number, FieldValue>;
  /** Seconds since 1970 at which the message was sent. */
  readonly exportSeconds: number;
  readonly domain: number;
}

export interface DecoderCounters {
  messages: number;
  records: number;
  /** Messages and sets that could not be read. */
  malformed: number;
  /** Records that the sequence numbers say are missing. */
  lost: number;
  /** Sets that wait for their template, and those that were given up. */
  waiting: number;
  givenUp: number;
}

interface Field {
  readonly id: number;
  readonly pen: number;
  readonly length: number;
}

interface Template {
  readonly fields: readonly Field[];
  /** Options records say something of the exporter, not of flows. */
  readonly options: boolean;
  /** Bytes that a record takes at least. */
  readonly minimum: number;
}

interface WaitingSet {
  readonly id: number;
  readonly bytes: Buffer;
  readonly exportSeconds: number;
}

interface Exporter {
  readonly templates: Map<number, Template>;
  waiting: WaitingSet[];
  nextSequence: number | null;
}

const MAX_EXPORTERS = 1000;
const MAX_TEMPLATES = 1000;
const MAX_FIELDS = 500;
const MAX_WAITING = 500;

/** Element types that are not plain numbers. */
const ADDRESSES = new Set([8, 12, 27, 28, 15, 62, 56, 80, 57, 81, 365, 367]);
const TEXTS = new Set([82, 83, 94, 96]);

export class FlowDecoder {
  readonly counters: DecoderCounters = { messages: 0, records: 0, malformed: 0, lost: 0, waiting: 0, givenUp: 0 };
  readonly #exporters = new Map<string, Exporter>();

  /**
   * Reads one message.
   * @param from names the sender; templates are kept apart by it
   */
  message(bytes: Buffer, from: string, onRecord: (record: FlowRecord) => void): void {
    this.counters.messages++;
    const version = bytes.length >= 2 ? bytes.readUInt16BE(0) : 0;
    if (version === 10) this.#ipfix(bytes, from, onRecord);
    else if (version === 9) this.#netflow9(bytes, from, onRecord);
    else if (version === 5) this.#netflow5(bytes, onRecord);
    else this.counters.malformed++;
  }

  #exporter(from: string, domain: number): Exporter {
    const key = `${from} ${domain}`;
    let exporter = this.#exporters.get(key);
    if (!exporter) {
      if (this.#exporters.size >= MAX_EXPORTERS) this.#exporters.delete(this.#exporters.keys().next().value!);
      exporter = { templates: new Map(), waiting: [], nextSequence: null };
      this.#exporters.set(key, exporter);
    }
    return exporter;
  }

  #ipfix(bytes: Buffer, from: string, onRecord: (record: FlowRecord) => void): void {
    const length = bytes.length >= 16 ? bytes.readUInt16BE(2) : 0;
    if (length < 16 || length > bytes.length) {
      this.counters.malformed++;
      return;
    }
    const exportSeconds = bytes.readUInt32BE(4);
    const sequence = bytes.readUInt32BE(8);
    const domain = bytes.readUInt32BE(12);
    const exporter = this.#exporter(from, domain);
    if (exporter.nextSequence !== null) {
      const gap = (sequence - exporter.nextSequence) >>> 0;
      // A sender that began anew counts from zero.
      if (gap < 1 << 24) this.counters.lost += gap;
    }
    const before = this.counters.records;
    this.#sets(exporter, bytes.subarray(16, length), { template: 2, options: 3 }, domain, exportSeconds, onRecord);
    exporter.nextSequence = (sequence + this.counters.records - before) >>> 0;
  }

  #netflow9(bytes: Buffer, from: string, onRecord: (record: FlowRecord) => void): void {
    if (bytes.length < 20) {
      this.counters.malformed++;
      return;
    }
    const domain = bytes.readUInt32BE(16);
    const exporter = this.#exporter(from, domain);
    this.#sets(exporter, bytes.subarray(20), { template: 0, options: 1 }, domain, bytes.readUInt32BE(8), onRecord);
  }

  #sets(
    exporter: Exporter,
    bytes: Buffer,
    ids: { readonly template: number; readonly options: number },
    domain: number,
    exportSeconds: number,
    onRecord: (record: FlowRecord) => void,
  ): void {
    for (let at = 0; at + 4 <= bytes.length; ) {
      const id = bytes.readUInt16BE(at);
      const length = bytes.readUInt16BE(at + 2);
      if (length < 4 || at + length > bytes.length) {
        this.counters.malformed++;
        return;
      }
      const set = bytes.subarray(at + 4, at + length);
      if (id === ids.template) this.#templates(exporter, set, false, domain, onRecord);
      else if (id === ids.options) this.#templates(exporter, set, true, domain, onRecord);
      else if (id >= 256) this.#data(exporter, { id, bytes: set, exportSeconds }, domain, onRecord);
      at += length;
    }
  }

  #templates(
    exporter: Exporter,
    set: Buffer,
    options: boolean,
    domain: number,
    onRecord: (record: FlowRecord) => void,
  ): void {
    let at = 0;
    while (at + 4 <= set.length) {
      const id = set.readUInt16BE(at);
      const count = set.readUInt16BE(at + 2);
      at += options ? 6 : 4;
      if (id < 256 || count > MAX_FIELDS) break;
      const fields: Field[] = [];
      let minimum = 0;
      for (let i = 0; i < count && at + 4 <= set.length; i++) {
        const element = set.readUInt16BE(at);
        const length = set.readUInt16BE(at + 2);
        at += 4;
        const enterprise = (element & 0x8000) !== 0 && at + 4 <= set.length;
        fields.push({ id: element & 0x7fff, pen: enterprise ? set.readUInt32BE(at) : 0, length });
        if (enterprise) at += 4;
        minimum += length === VARIABLE ? 1 : length;
      }
      if (fields.length < count) {
        this.counters.malformed++;
        return;
      }
      // A template without fields withdraws (RFC 7011 §8.1).
      if (count === 0) exporter.templates.delete(id);
      else if (minimum > 0 && (exporter.templates.size < MAX_TEMPLATES || exporter.templates.has(id))) {
        exporter.templates.set(id, { fields, options, minimum });
      }
    }
    this.#serveWaiting(exporter, domain, onRecord);
  }

  #serveWaiting(exporter: Exporter, domain: number, onRecord: (record: FlowRecord) => void): void {
    const ready = exporter.waiting.filter(({ id }) => exporter.templates.has(id));
    if (ready.length === 0) return;
    exporter.waiting = exporter.waiting.filter(({ id }) => !exporter.templates.has(id));
    this.counters.waiting -= ready.length;
    for (const set of ready) this.#data(exporter, set, domain, onRecord);
  }

  #data(exporter: Exporter, set: WaitingSet, domain: number, onRecord: (record: FlowRecord) => void): void {
    const template = exporter.templates.get(set.id);
    if (!template) {
      if (exporter.waiting.length < MAX_WAITING) {
        exporter.waiting.push({ ...set, bytes: Buffer.from(set.bytes) });
        this.counters.waiting++;
      } else this.counters.givenUp++;
      return;
    }
    const { bytes, exportSeconds } = set;
    let at = 0;
    while (at + template.minimum <= bytes.length) {
      const fields = new Map<number, FieldValue>();
      const reverse = new Map<number, FieldValue>();
      for (const field of template.fields) {
        let length = field.length;
        if (length === VARIABLE) {
          length = bytes[at] ?? 0;
          at++;
          if (length === 255) {
            length = at + 2 <= bytes.length ? bytes.readUInt16BE(at) : bytes.length;
            at += 2;
          }
        }
        if (at + length > bytes.length) {
          this.counters.malformed++;
          return;
        }
        if (field.pen === 0) fields.set(field.id, fieldValue(field.id, bytes.subarray(at, at + length)));
        else if (field.pen === REVERSE_PEN)
          reverse.set(field.id, fieldValue(field.id, bytes.subarray(at, at + length)));
        at += length;
      }
      this.counters.records++;
      if (!template.options) onRecord({ fields, reverse, exportSeconds, domain });
    }
  }

  /** Header of 24 bytes, then records of 48 (Cisco, "NetFlow Export Datagram Formats"). */
  #netflow5(bytes: Buffer, onRecord: (record: FlowRecord) => void): void {
    const count = bytes.length >= 24 ? bytes.readUInt16BE(2) : 0;
    if (count === 0 || count > 30 || bytes.length < 24 + count * 48) {
      this.counters.malformed++;
      return;
    }
    const uptimeMs = bytes.readUInt32BE(4);
    const exportSeconds = bytes.readUInt32BE(8);
    const bootMs = exportSeconds * 1000 + Math.floor(bytes.readUInt32BE(12) / 1e6) - uptimeMs;
    for (let at = 24; at < 24 + count * 48; at += 48) {
      this.counters.records++;
      const fields = new Map<number, FieldValue>([
        [8, bytes.subarray(at, at + 4)],
        [12, bytes.subarray(at + 4, at + 8)],
        [10, bytes.readUInt16BE(at + 12)],
        [14, bytes.readUInt16BE(at + 14)],
        [2, bytes.readUInt32BE(at + 16)],
        [1, bytes.readUInt32BE(at + 20)],
        [152, bootMs + bytes.readUInt32BE(at + 24)],
        [153, bootMs + bytes.readUInt32BE(at + 28)],
        [7, bytes.readUInt16BE(at + 32)],
        [11, bytes.readUInt16BE(at + 34)],
        [6, bytes[at + 37]!],
        [4, bytes[at + 38]!],
      ]);
      onRecord({ fields, reverse: new Map(), exportSeconds, domain: bytes[21]! });
    }
  }
}

function fieldValue(id: number, bytes: Buffer): FieldValue {
  if (TEXTS.has(id)) return bytes.toString("utf8").replace(/\0+$/, "");
  if (ADDRESSES.has(id) || bytes.length > 8) return Uint8Array.from(bytes);
  let value = 0;
  for (const byte of bytes) value = value * 256 + byte;
  return value;
}

/**
 * Connection records as IPFIX messages (RFC 7011 §3): two unidirectional flows a connection, or one biflow (RFC 5103).
 *
 *     message header (16): version 10, length, export time, sequence number, observation domain
 *     sets: id (2), length (2), then templates (set 2) or records of the template with that id
 */
import type { ConnectionRecord } from "../../engine/host/connection-record.ts";
import { type Element, type FlowSide, type Template, type TemplateOptions, templates, VARIABLE } from "./elements.ts";

const VERSION = 10;
const MESSAGE_HEADER = 16;
const SET_HEADER = 4;
const TEMPLATE_SET = 2;
/** A record is at most this long: fixed elements, and strings that are cut. */
const MAX_TEXT = 200;

export interface EncoderOptions extends TemplateOptions {
  /** Bytes of a message at most; 1,400 for UDP, so that no datagram is fragmented. */
  readonly maxMessage: number;
  readonly observationDomain?: number;
  readonly interfaceName?: string;
}

export class IpfixEncoder {
  readonly #options: EncoderOptions;
  readonly #templates: { readonly ipv4: Template; readonly ipv6: Template };
  readonly #buffer: Buffer;
  #length = MESSAGE_HEADER;
  /** Where the set at hand begins, and of which template it is. */
  #setAt = 0;
  #setId = 0;
  #records = 0;
  /** Data records sent, modulo 2^32 (RFC 7011 §3.1). */
  #sequence = 0;

  constructor(options: EncoderOptions) {
    this.#options = options;
    this.#templates = templates(options);
    this.#buffer = Buffer.alloc(options.maxMessage);
  }

  /** A message with the templates alone. */
  templateMessage(exportSeconds: number): Buffer {
    const body: number[] = [];
    const put16 = (value: number): void => void body.push((value >> 8) & 255, value & 255);
    for (const { id, elements } of [this.#templates.ipv4, this.#templates.ipv6]) {
      put16(id);
      put16(elements.length);
      for (const { id: element, pen, length } of elements) {
        put16(pen === undefined ? element : element | 0x8000);
        put16(length);
        if (pen !== undefined) body.push((pen >>> 24) & 255, (pen >>> 16) & 255, (pen >>> 8) & 255, pen & 255);
      }
    }
    const message = Buffer.alloc(MESSAGE_HEADER + SET_HEADER + body.length);
    this.#header(message, message.length, exportSeconds);
    message.writeUInt16BE(TEMPLATE_SET, MESSAGE_HEADER);
    message.writeUInt16BE(SET_HEADER + body.length, MESSAGE_HEADER + 2);
    message.set(body, MESSAGE_HEADER + SET_HEADER);
    return message;
  }

  /**
   * Adds a connection; returns a full message whenever one had to be begun anew.
   * A direction without packets makes no flow of its own.
   */
  add(record: ConnectionRecord, exportSeconds: number): Buffer[] {
    const interfaceName = this.#options.interfaceName ?? "";
    const full: Buffer[] = [];
    const directions = this.#options.biflow
      ? [true]
      : [true, false].filter((fromOrig) => (fromOrig ? record.orig_pkts : record.resp_pkts) > 0);
    for (const fromOrig of directions) {
      const message = this.#addSide({ record, fromOrig, interfaceName }, exportSeconds);
      if (message) full.push(message);
    }
    return full;
  }

  /** The message at hand, if it holds anything; a new one begins. */
  flush(exportSeconds: number): Buffer | undefined {
    if (this.#records === 0) return undefined;
    this.#endSet();
    this.#header(this.#buffer, this.#length, exportSeconds);
    const message = Buffer.from(this.#buffer.subarray(0, this.#length));
    this.#sequence = (this.#sequence + this.#records) >>> 0;
    this.#records = 0;
    this.#length = MESSAGE_HEADER;
    this.#setId = 0;
    return message;
  }

  #addSide(side: FlowSide, exportSeconds: number): Buffer | undefined {
    const template = side.record["id.orig_h"].includes(":") ? this.#templates.ipv6 : this.#templates.ipv4;
    const bytes = encode(template.elements, side);
    const header = this.#setId === template.id ? 0 : SET_HEADER;
    let full: Buffer | undefined;
    if (this.#length + header + bytes.length > this.#options.maxMessage) full = this.flush(exportSeconds);
    if (this.#setId !== template.id) this.#beginSet(template.id);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
    this.#records++;
    return full;
  }

  #beginSet(id: number): void {
    this.#endSet();
    this.#setAt = this.#length;
    this.#setId = id;
    this.#length += SET_HEADER;
  }

  #endSet(): void {
    if (this.#setId === 0) return;
    this.#buffer.writeUInt16BE(this.#setId, this.#setAt);
    this.#buffer.writeUInt16BE(this.#length - this.#setAt, this.#setAt + 2);
  }

  #header(message: Buffer, length: number, exportSeconds: number): void {
    message.writeUInt16BE(VERSION, 0);
    message.writeUInt16BE(length, 2);
    message.writeUInt32BE(exportSeconds >>> 0, 4);
    message.writeUInt32BE(this.#sequence, 8);
    message.writeUInt32BE(this.#options.observationDomain ?? 0, 12);
  }
}

function encode(elements: readonly Element[], side: FlowSide): Buffer {
  return Buffer.concat(elements.map((element) => encodeElement(element, side)));
}

function encodeElement({ length, value }: Element, side: FlowSide): Buffer {
  const content = value(side);
  if (typeof content === "string") {
    const text = Buffer.from(content, "utf8").subarray(0, MAX_TEXT);
    if (length !== VARIABLE) return Buffer.concat([text, Buffer.alloc(length)]).subarray(0, length);
    return Buffer.concat([Buffer.from([text.length]), text]);
  }
  if (typeof content === "object") return Buffer.from(content);
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(BigInt.asUintN(64, BigInt(content)));
  return number.subarray(8 - length);
}

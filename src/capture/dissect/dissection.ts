/**
 * A packet in layers and words, for people: each header's fields are described once (`Header`), read from the bytes here, and listed in
 * docs/reference/dissect.md. Field names are Wireshark's. This is not the packet path: only packets that are looked at come here.
 */

import { formatIpv4, formatIpv6 } from "../../core/address.ts";
import { sanitize } from "../../core/text.ts";
import type { DissectedField, DissectedLayer } from "../live/snapshot.ts";

/** How a number is written: as in Wireshark, then what it means where it has a name. */
export type Show =
  | "dec"
  | "hex"
  | "ipv4"
  | "ipv6"
  | "mac"
  | "bytes"
  | "text"
  | Readonly<Record<number, string>>
  | ((value: number) => string)
  | { readonly hex: (value: number) => string | undefined };

export interface HeaderField {
  /** Wireshark's. */
  readonly name: string;
  readonly label: string;
  /** Bytes from the start of the header, and how many. */
  readonly at: number;
  readonly size: number;
  /** For a part of these bytes: its lowest bit, counted from the right, and how many bits. */
  readonly bits?: readonly [lowest: number, count: number];
  readonly show: Show;
}

export interface Header {
  /** As its protocol is called in the packet list. */
  readonly protocol: string;
  readonly title: string;
  /** Bytes of the part that is always there. */
  readonly length: number;
  readonly fields: readonly HeaderField[];
  /** Fields that are found elsewhere than at a fixed place. */
  readonly more?: readonly (readonly [name: string, label: string])[];
}

/** Numbers of these protocols lie in `size` bytes from `at` on. */
export function num(name: string, label: string, at: number, size: number, show: Show = "dec"): HeaderField {
  return { name, label, at, size, show };
}

/** A part of a number: `count` bits, the lowest of them `lowest` from the right. */
export function bits(
  name: string,
  label: string,
  at: number,
  size: number,
  lowest: number,
  count: number,
  show: Show = "dec",
): HeaderField {
  return { name, label, at, size, bits: [lowest, count], show };
}

/** What comes next: by which kind of number it is found, the number, and where it begins. */
export interface Next {
  readonly by: "ethertype" | "ip.proto" | "link" | "ppp" | "llc" | "ip" | "udp.port" | "tcp.port" | "ethernet";
  readonly number: number;
  readonly at: number;
  /** Of a port: the other one. */
  readonly other?: number;
}

/** Reads one header at `at`; null: nothing that is known follows. */
export type Dissector = (d: Dissection, at: number) => Next | null;

const MOST_FIELDS = 400;

interface OpenLayer {
  title: string;
  summary: string;
  offset: number;
  length: number;
  readonly fields: DissectedField[];
}

export class Dissection {
  /** The packet's bytes. */
  readonly data: Uint8Array;
  /** Where the layer at hand ends: in the captured bytes, and on the wire. */
  end: number;
  wireEnd: number;
  readonly layers: OpenLayer[] = [];
  /** What the packet list says; the innermost layer that has something to say wins. */
  source = "";
  destination = "";
  protocol = "";
  info = "";
  #fields = 0;

  constructor(data: Uint8Array, wireLength: number) {
    this.data = data;
    this.end = data.length;
    this.wireEnd = Math.max(wireLength, data.length);
  }

  u8(at: number): number {
    return this.data[at] ?? 0;
  }

  u16(at: number): number {
    return (this.u8(at) << 8) | this.u8(at + 1);
  }

  u24(at: number): number {
    return (this.u16(at) << 8) | this.u8(at + 2);
  }

  u32(at: number): number {
    return ((this.u16(at) << 16) | this.u16(at + 2)) >>> 0;
  }

  /** Whether `length` bytes at `at` belong to this layer and were captured. */
  has(at: number, length: number): boolean {
    return at + length <= this.end;
  }

  /** Limits what follows to `length` bytes from `at` on, as a length field says. */
  limit(at: number, length: number): void {
    this.wireEnd = Math.min(this.wireEnd, at + length);
    this.end = Math.min(this.end, this.wireEnd);
  }

  /** Opens a layer and reads the fields of its header, as far as they were captured. */
  header(header: Header, at: number, summary = ""): void {
    this.open(header.title, at, header.length, summary);
    this.protocol = header.protocol;
    for (const field of header.fields) {
      if (at + field.at + field.size <= this.end) this.#read(field, at);
    }
    if (at + header.length > this.end) this.note("cut off here by the capture");
  }

  /** Opens a layer whose fields are added one by one. */
  open(title: string, at: number, length: number, summary = ""): void {
    const offset = Math.min(at, this.end);
    this.layers.push({ title, summary, offset, length: Math.max(0, Math.min(length, this.end - offset)), fields: [] });
  }

  /** The last layer turned out to be so long. */
  lengthen(length: number): void {
    const layer = this.layers.at(-1)!;
    layer.length = Math.max(0, Math.min(length, this.end - layer.offset));
  }

  summarize(text: string): void {
    this.layers.at(-1)!.summary = text;
  }

  /** Adds a field to the last layer. `value` begins as Wireshark writes it. */
  field(name: string, label: string, at: number, length: number, value: string): void {
    if (this.#fields++ >= MOST_FIELDS || at > this.end) return;
    this.layers.at(-1)!.fields.push({
      name,
      label,
      value: sanitize(value),
      offset: at,
      length: Math.max(0, Math.min(length, this.end - at)),
    });
  }

  /** A remark, not from any bytes. */
  note(text: string): void {
    this.layers.at(-1)!.fields.push({ name: "", label: text, value: "", offset: this.end, length: 0 });
  }

  ipv4(at: number): string {
    return formatIpv4(this.u32(at));
  }

  ipv6(at: number): string {
    return formatIpv6(this.u32(at), this.u32(at + 4), this.u32(at + 8), this.u32(at + 12));
  }

  mac(at: number): string {
    return hex(this.data, at, 6, ":");
  }

  /** Bytes as text, as far as they were captured. */
  text(at: number, length: number): string {
    const from = Math.min(at, this.end);
    const bytes = this.data.subarray(from, Math.max(from, Math.min(at + length, this.end)));
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  }

  bytes(at: number, length: number): string {
    return hex(this.data, at, Math.max(0, Math.min(length, this.end - at)), "");
  }

  /** The packet list's line, once its endpoints are known. */
  result(): { readonly layers: readonly DissectedLayer[] } & Pick<
    Dissection,
    "source" | "destination" | "protocol" | "info"
  > {
    const { layers, source, destination, protocol, info } = this;
    return { layers, source, destination, protocol, info: sanitize(info || (layers.at(-1)?.summary ?? "")) };
  }

  #read(field: HeaderField, start: number): void {
    const at = start + field.at;
    this.field(field.name, field.label, at, field.size, this.#value(field, at));
  }

  #value({ size, bits: part, show }: HeaderField, at: number): string {
    switch (show) {
      case "ipv4":
        return this.ipv4(at);
      case "ipv6":
        return this.ipv6(at);
      case "mac":
        return this.mac(at);
      case "bytes":
        return this.bytes(at, size);
      case "text":
        return this.text(at, size);
    }
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + this.u8(at + i);
    if (part) value = Math.floor(value / 2 ** part[0]) % 2 ** part[1];
    if (show === "dec") return String(value);
    const digits = part ? Math.ceil(part[1] / 4) : size * 2;
    if (show === "hex") return `0x${value.toString(16).padStart(digits, "0")}`;
    if ("hex" in show) {
      const word = (show.hex as (value: number) => string | undefined)(value);
      return `0x${value.toString(16).padStart(digits, "0")}${word === undefined ? "" : ` (${word})`}`;
    }
    const word = typeof show === "function" ? show(value) : show[value];
    return word === undefined ? String(value) : `${value} (${word})`;
  }
}

export function hex(data: Uint8Array, at: number, length: number, between: string): string {
  const parts: string[] = [];
  for (let i = 0; i < length && at + i < data.length; i++) parts.push(data[at + i]!.toString(16).padStart(2, "0"));
  return parts.join(between);
}

/** The names of the bits that are set: `[("SYN", 2), …]`. */
export function flagNames(value: number, names: readonly (readonly [bit: number, name: string])[]): string {
  return names
    .filter(([bit]) => (value & bit) !== 0)
    .map(([, name]) => name)
    .join(", ");
}

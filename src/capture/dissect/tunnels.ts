/** What carries other packets: GRE (RFC 2784, 2890), ERSPAN, VXLAN (RFC 7348), Geneve (RFC 8926), GTP-U, Teredo (RFC 4380), AYIYA. */
import { bits, type Dissector, type Header, num } from "./dissection.ts";

export const GRE: Header = {
  protocol: "GRE",
  title: "Generic Routing Encapsulation",
  length: 4,
  fields: [num("gre.flags_and_version", "Flags and version", 0, 2, "hex"), num("gre.proto", "Protocol", 2, 2, "hex")],
  more: [
    ["gre.key", "Key"],
    ["gre.sequence_number", "Sequence"],
  ],
};

export const ERSPAN: Header = {
  protocol: "ERSPAN",
  title: "ERSPAN",
  length: 8,
  fields: [
    bits("erspan.version", "Version", 0, 2, 12, 4),
    bits("erspan.vlan", "VLAN", 0, 2, 0, 12),
    bits("erspan.spanid", "Session id", 2, 2, 0, 10),
  ],
};

export const VXLAN: Header = {
  protocol: "VXLAN",
  title: "Virtual eXtensible LAN",
  length: 8,
  fields: [num("vxlan.flags", "Flags", 0, 2, "hex"), num("vxlan.vni", "VNI", 4, 3)],
};

export const GENEVE: Header = {
  protocol: "Geneve",
  title: "Geneve",
  length: 8,
  fields: [
    bits("geneve.version", "Version", 0, 1, 6, 2),
    bits("geneve.option.length", "Options length", 0, 1, 0, 6, (words) => `${words * 4} bytes`),
    num("geneve.proto_type", "Protocol", 2, 2, "hex"),
    num("geneve.vni", "VNI", 4, 3, "hex"),
  ],
};

export const GTPU: Header = {
  protocol: "GTP",
  title: "GPRS Tunneling Protocol, user plane",
  length: 8,
  fields: [
    num("gtp.flags", "Flags", 0, 1, "hex"),
    num("gtp.message", "Message type", 1, 1, "hex"),
    num("gtp.length", "Length", 2, 2),
    num("gtp.teid", "TEID", 4, 4, "hex"),
  ],
};

export const dissectGre: Dissector = (d, at) => {
  d.header(GRE, at);
  if (!d.has(at, 4)) return null;
  const flags = d.u16(at);
  const type = d.u16(at + 2);
  let next = at + 4;
  if ((flags & 0xc000) !== 0) next += 4;
  // Version 1 (PPTP, RFC 2637): the key holds a length and a call id.
  if ((flags & 0x2000) !== 0) {
    d.field("gre.key", "Key", next, 4, `0x${d.u32(next).toString(16).padStart(8, "0")}`);
    next += 4;
  }
  const numbered = (flags & 0x1000) !== 0;
  if (numbered) {
    d.field("gre.sequence_number", "Sequence", next, 4, String(d.u32(next)));
    next += 4;
  }
  if ((flags & 7) === 1 && (flags & 0x0080) !== 0) next += 4;
  d.lengthen(next - at);
  d.summarize(`protocol 0x${type.toString(16).padStart(4, "0")}`);
  if (type === 0x880b) return { by: "ppp", number: 0, at: d.u16(next) === 0xff03 ? next + 2 : next };
  if (type === 0x88be) {
    // Type I has neither sequence number nor header.
    if (!numbered) return { by: "ethernet", number: 0, at: next };
    d.header(ERSPAN, next);
    d.summarize(`session ${d.u16(next + 2) & 0x3ff}`);
    return { by: "ethernet", number: 0, at: next + 8 };
  }
  if (type === 0x22eb) {
    d.header({ ...ERSPAN, length: 12 }, next);
    d.summarize(`session ${d.u16(next + 2) & 0x3ff}`);
    return { by: "ethernet", number: 0, at: next + ((d.u8(next + 11) & 1) === 1 ? 20 : 12) };
  }
  return { by: "ethertype", number: type, at: next };
};

export const dissectVxlan: Dissector = (d, at) => {
  d.header(VXLAN, at);
  d.summarize(`vni ${d.u24(at + 4)}`);
  return d.has(at, 8) ? { by: "ethernet", number: 0, at: at + 8 } : null;
};

export const dissectGeneve: Dissector = (d, at) => {
  d.header(GENEVE, at);
  if (!d.has(at, 8)) return null;
  const options = (d.u8(at) & 0x3f) * 4;
  d.lengthen(8 + options);
  d.summarize(`vni ${d.u24(at + 4)}`);
  const type = d.u16(at + 2);
  if (type === 0x6558) return { by: "ethernet", number: 0, at: at + 8 + options };
  return { by: "ethertype", number: type, at: at + 8 + options };
};

export const dissectGtpu: Dissector = (d, at) => {
  d.header(GTPU, at);
  if (!d.has(at, 8)) return null;
  const flags = d.u8(at);
  let next = at + 8;
  if ((flags & 7) !== 0) {
    let kind = d.u8(at + 11);
    next += 4;
    for (let headers = 0; (flags & 4) !== 0 && kind !== 0 && headers < 8 && d.has(next, 4); headers++) {
      const length = d.u8(next) * 4;
      if (length === 0) return null;
      kind = d.u8(next + length - 1);
      next += length;
    }
  }
  d.lengthen(next - at);
  d.info = `teid 0x${d.u32(at + 4).toString(16)} message ${d.u8(at + 1)}`;
  d.summarize(d.info);
  return d.u8(at + 1) === 255 ? { by: "ip", number: 0, at: next } : null;
};

/** Indications may stand before the packet: authentication (type 1) and origin (type 0). */
export const dissectTeredo: Dissector = (d, at) => {
  let next = at;
  if (d.u16(next) === 1) next += 13 + d.u8(next + 2) + d.u8(next + 3);
  if (d.u16(next) === 0) next += 8;
  d.open("Teredo", at, next - at);
  d.protocol = "Teredo";
  return d.u8(next) >> 4 === 6 ? { by: "ip", number: 6, at: next } : null;
};

export const dissectAyiya: Dissector = (d, at) => {
  const identity = 2 ** (d.u8(at) >> 4);
  const signature = (d.u8(at + 1) >> 4) * 4;
  const length = 8 + identity + signature;
  d.open("AYIYA", at, length);
  d.protocol = "AYIYA";
  const protocol = d.u8(at + 3);
  return protocol === 41 || protocol === 4 ? { by: "ip", number: 0, at: at + length } : null;
};

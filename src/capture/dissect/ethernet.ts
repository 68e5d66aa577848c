/** Ethernet II and what may stand before the network layer: VLAN tags (IEEE 802.1Q), LLC and SNAP (802.2), MPLS (RFC 3032), spanning tree. */
import { bits, type Dissection, type Dissector, type Header, type Next, num, type Show } from "./dissection.ts";
import { ETHERTYPES } from "./names.ts";

/** `0x0800 (IPv4)`. */
const etherType: Show = { hex: (type) => ETHERTYPES.get(type) };

export const ETHERNET: Header = {
  protocol: "Ethernet",
  title: "Ethernet",
  length: 14,
  fields: [
    num("eth.dst", "Destination", 0, 6, "mac"),
    num("eth.src", "Source", 6, 6, "mac"),
    num("eth.type", "Type", 12, 2, etherType),
  ],
};

/** The same header with a length in the type's place. */
export const ETHERNET_LENGTH: Header = {
  protocol: "Ethernet",
  title: "Ethernet (802.3)",
  length: 14,
  fields: [
    num("eth.dst", "Destination", 0, 6, "mac"),
    num("eth.src", "Source", 6, 6, "mac"),
    num("eth.len", "Length", 12, 2),
  ],
};

export const VLAN: Header = {
  protocol: "802.1Q",
  title: "802.1Q VLAN",
  length: 4,
  fields: [
    bits("vlan.priority", "Priority", 0, 2, 13, 3),
    bits("vlan.dei", "Drop eligible", 0, 2, 12, 1),
    bits("vlan.id", "VLAN id", 0, 2, 0, 12),
    num("vlan.etype", "Type", 2, 2, etherType),
  ],
};

/** The service provider's tag (IEEE 802.1ad). */
export const SERVICE_VLAN: Header = {
  protocol: "802.1ad",
  title: "802.1ad service VLAN",
  length: 4,
  fields: [
    bits("ieee8021ad.priority", "Priority", 0, 2, 13, 3),
    bits("ieee8021ad.dei", "Drop eligible", 0, 2, 12, 1),
    bits("ieee8021ad.id", "VLAN id", 0, 2, 0, 12),
    num("ieee8021ah.etype", "Type", 2, 2, etherType),
  ],
};

/** A provider backbone bridge's service instance (IEEE 802.1ah): a whole Ethernet frame follows. */
export const SERVICE_INSTANCE: Header = {
  protocol: "802.1ah",
  title: "802.1ah service instance",
  length: 4,
  fields: [bits("ieee8021ah.priority", "Priority", 0, 4, 29, 3), bits("ieee8021ah.isid", "Service id", 0, 4, 0, 24)],
};

export const LLC: Header = {
  protocol: "LLC",
  title: "Logical Link Control",
  length: 3,
  fields: [
    num("llc.dsap", "DSAP", 0, 1, "hex"),
    num("llc.ssap", "SSAP", 1, 1, "hex"),
    num("llc.control", "Control", 2, 1, "hex"),
  ],
};

export const SNAP: Header = {
  protocol: "SNAP",
  title: "SNAP",
  length: 5,
  fields: [num("llc.oui", "Organization", 0, 3, "hex"), num("llc.type", "Type", 3, 2, "hex")],
};

export const STP: Header = {
  protocol: "STP",
  title: "Spanning Tree Protocol",
  length: 35,
  fields: [
    num("stp.protocol", "Protocol", 0, 2, "hex"),
    num("stp.version", "Version", 2, 1),
    num("stp.type", "BPDU type", 3, 1, "hex"),
    num("stp.flags", "Flags", 4, 1, "hex"),
    num("stp.root.hw", "Root", 7, 6, "mac"),
    num("stp.root.cost", "Root path cost", 13, 4),
    num("stp.bridge.hw", "Bridge", 19, 6, "mac"),
    num("stp.port", "Port", 25, 2, "hex"),
  ],
};

export const MPLS: Header = {
  protocol: "MPLS",
  title: "MPLS",
  length: 4,
  fields: [
    bits("mpls.label", "Label", 0, 4, 12, 20),
    bits("mpls.exp", "Traffic class", 0, 4, 9, 3),
    bits("mpls.bottom", "Bottom of stack", 0, 4, 8, 1),
    bits("mpls.ttl", "Time to live", 0, 4, 0, 8),
  ],
};

export const LLDP: Header = {
  protocol: "LLDP",
  title: "Link Layer Discovery Protocol",
  length: 0,
  fields: [],
  more: [["lldp.tlv.type", "TLV type"]],
};

export const dissectEthernet: Dissector = (d, at) => {
  d.header(d.u16(at + 12) >= 1536 ? ETHERNET : ETHERNET_LENGTH, at);
  if (!d.has(at, 14)) return null;
  d.source = d.mac(at + 6);
  d.destination = d.mac(at);
  d.summarize(`${d.source} > ${d.destination}`);
  return typeOrLength(d, at + 12);
};

export const dissectVlan: Dissector = (d, at) => tag(d, at, VLAN);
export const dissectServiceVlan: Dissector = (d, at) => tag(d, at, SERVICE_VLAN);

export const dissectServiceInstance: Dissector = (d, at) => {
  d.header(SERVICE_INSTANCE, at);
  d.summarize(`service ${d.u32(at) & 0xffffff}`);
  return d.has(at, 4) ? { by: "ethernet", number: 0, at: at + 4 } : null;
};

function tag(d: Dissection, at: number, header: Header): Next | null {
  d.header(header, at);
  if (!d.has(at, 4)) return null;
  d.summarize(`vlan ${d.u16(at) & 0xfff} prio ${d.u16(at) >> 13}`);
  return typeOrLength(d, at + 2);
}

function typeOrLength(d: Dissection, at: number): Next {
  const type = d.u16(at);
  if (type >= 1536) return { by: "ethertype", number: type, at: at + 2 };
  d.limit(at + 2, type);
  return { by: "llc", number: 0, at: at + 2 };
}

export const dissectLlc: Dissector = (d, at) => {
  // Novell's frames have no LLC.
  if (d.u16(at) === 0xffff) return null;
  d.header(LLC, at);
  if (!d.has(at, 3)) return null;
  const sap = d.u8(at);
  if (sap === 0x42) return dissectStp(d, at + 3);
  if (sap !== 0xaa) return null;
  d.header(SNAP, at + 3);
  if (!d.has(at + 3, 5)) return null;
  const type = d.u16(at + 6);
  d.summarize(ETHERTYPES.get(type) ?? "");
  return d.u24(at + 3) === 0 || d.u24(at + 3) === 0xf8 ? { by: "ethertype", number: type, at: at + 8 } : null;
};

const dissectStp: Dissector = (d, at) => {
  d.header(STP, at);
  d.info = d.has(at, 25) ? `root ${d.mac(at + 7)} cost ${d.u32(at + 13)} bridge ${d.mac(at + 19)}` : "topology change";
  d.summarize(d.info);
  return null;
};

export const dissectMpls: Dissector = (d, at) => {
  d.header(MPLS, at);
  if (!d.has(at, 4)) return null;
  const label = d.u32(at) >>> 12;
  d.summarize(`label ${label} ttl ${d.u8(at + 3)}`);
  if ((d.u8(at + 2) & 1) === 0) return { by: "ethertype", number: 0x8847, at: at + 4 };
  // Nothing says what follows the last label but its first nibble (RFC 4928); an Ethernet pseudowire may have a control word.
  const nibble = d.u8(at + 4) >> 4;
  if (nibble === 4 || nibble === 6) return { by: "ip", number: nibble, at: at + 4 };
  return { by: "ethernet", number: 0, at: nibble === 0 && d.u32(at + 4) === 0 ? at + 8 : at + 4 };
};

const LLDP_TLVS: Readonly<Record<number, string>> = {
  1: "Chassis id",
  2: "Port id",
  3: "Time to live",
  4: "Port description",
  5: "System name",
  6: "System description",
  7: "System capabilities",
  8: "Management address",
};

/** IEEE 802.1AB: type (7 bits), length (9 bits), value; one after another. */
export const dissectLldp: Dissector = (d, at) => {
  d.open(LLDP.title, at, d.end - at);
  d.protocol = LLDP.protocol;
  let position = at;
  while (d.has(position, 2)) {
    const type = d.u8(position) >> 1;
    const length = d.u16(position) & 0x1ff;
    if (type === 0) break;
    const isText = type === 4 || type === 5 || type === 6;
    const value = isText ? d.text(position + 2, length) : d.bytes(position + 2, length);
    d.field("lldp.tlv.type", LLDP_TLVS[type] ?? `TLV ${type}`, position, length + 2, `${type} (${value})`);
    if (type === 5) d.info = `system ${value}`;
    position += 2 + length;
  }
  return null;
};

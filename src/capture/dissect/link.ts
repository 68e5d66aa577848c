/** Link types other than Ethernet (https://www.tcpdump.org/linktypes.html), PPPoE (RFC 2516) and PPP (RFC 1661). */
import { bits, type Dissection, type Dissector, type Header, type Next, num } from "./dissection.ts";

export const SLL: Header = {
  protocol: "SLL",
  title: "Linux cooked capture",
  length: 16,
  fields: [
    num("sll.pkttype", "Packet type", 0, 2, {
      0: "to us",
      1: "broadcast",
      2: "multicast",
      3: "to another host",
      4: "sent by us",
    }),
    num("sll.hatype", "Link-layer address type", 2, 2),
    num("sll.halen", "Link-layer address length", 4, 2),
    num("sll.src.eth", "Source", 6, 6, "mac"),
    num("sll.etype", "Protocol", 14, 2, "hex"),
  ],
};

export const SLL2: Header = {
  protocol: "SLL2",
  title: "Linux cooked capture v2",
  length: 20,
  fields: [
    num("sll.etype", "Protocol", 0, 2, "hex"),
    num("sll.ifindex", "Interface index", 4, 4),
    num("sll.hatype", "Link-layer address type", 8, 2),
    num("sll.pkttype", "Packet type", 10, 1),
    num("sll.halen", "Link-layer address length", 11, 1),
    num("sll.src.eth", "Source", 12, 6, "mac"),
  ],
};

export const NULL_LOOPBACK: Header = {
  protocol: "Null",
  title: "BSD loopback",
  length: 4,
  fields: [],
  more: [["null.family", "Family"]],
};

export const PPPOE: Header = {
  protocol: "PPPoE",
  title: "PPP over Ethernet",
  length: 6,
  fields: [
    bits("pppoe.version", "Version", 0, 1, 4, 4),
    bits("pppoe.type", "Type", 0, 1, 0, 4),
    num("pppoe.code", "Code", 1, 1, "hex"),
    num("pppoe.session_id", "Session id", 2, 2, "hex"),
    num("pppoe.payload_length", "Payload length", 4, 2),
  ],
};

export const PPP: Header = {
  protocol: "PPP",
  title: "Point-to-Point Protocol",
  length: 2,
  fields: [],
  more: [["ppp.protocol", "Protocol"]],
};

export const FRAME_RELAY: Header = {
  protocol: "FR",
  title: "Frame Relay",
  length: 4,
  fields: [num("fr.control", "Control", 2, 1, "hex"), num("fr.nlpid", "NLPID", 3, 1, "hex")],
};

export const CISCO_HDLC: Header = {
  protocol: "cHDLC",
  title: "Cisco HDLC",
  length: 4,
  fields: [num("chdlc.address", "Address", 0, 1, "hex"), num("chdlc.protocol", "Protocol", 2, 2, "hex")],
};

const dissectSll: Dissector = (d, at) => {
  d.header(SLL, at);
  return d.has(at, 16) ? afterSll(d, d.u16(at + 14), at + 16) : null;
};

const dissectSll2: Dissector = (d, at) => {
  d.header(SLL2, at);
  return d.has(at, 20) ? afterSll(d, d.u16(at), at + 20) : null;
};

/** Small numbers are Linux's own: 1 is 802.3 without LLC, 4 is LLC. */
function afterSll(d: Dissection, type: number, at: number): Next {
  d.summarize(`protocol 0x${type.toString(16).padStart(4, "0")}`);
  return type === 4 ? { by: "llc", number: 0, at } : { by: "ethertype", number: type, at };
}

const dissectNull: Dissector = (d, at) => {
  d.header(NULL_LOOPBACK, at);
  if (!d.has(at, 4)) return null;
  const big = d.u32(at);
  const family = big > 0xffff ? ((big >>> 24) | ((big >>> 8) & 0xff00)) & 0xffff : big;
  d.field("null.family", "Family", at, 4, String(family));
  return { by: "ip", number: 0, at: at + 4 };
};

const dissectHdlcPpp: Dissector = (d, at) => {
  if (d.u8(at) === 0x0f || d.u8(at) === 0x8f) return dissectCisco(d, at);
  return { by: "ppp", number: 0, at: d.u16(at) === 0xff03 ? at + 2 : at };
};

const dissectCisco: Dissector = (d, at) => {
  d.header(CISCO_HDLC, at);
  return d.has(at, 4) ? { by: "ethertype", number: d.u16(at + 2), at: at + 4 } : null;
};

export const dissectPppoe: Dissector = (d, at) => {
  d.header(PPPOE, at);
  if (!d.has(at, 6)) return null;
  d.summarize(`session ${d.u16(at + 2)}`);
  d.limit(at + 6, d.u16(at + 4));
  return d.u8(at + 1) === 0 ? { by: "ppp", number: 0, at: at + 6 } : null;
};

export const dissectPpp: Dissector = (d, at) => {
  // One byte where protocol field compression is in use (RFC 1661 §6.5).
  const short = (d.u8(at) & 1) === 1;
  if (!d.has(at, short ? 1 : 2)) return null;
  const protocol = short ? d.u8(at) : d.u16(at);
  const next = at + (short ? 1 : 2);
  d.open(PPP.title, at, next - at, `protocol 0x${protocol.toString(16).padStart(4, "0")}`);
  d.protocol = PPP.protocol;
  d.field("ppp.protocol", "Protocol", at, next - at, `0x${protocol.toString(16).padStart(4, "0")}`);
  if (protocol === 0x21) return { by: "ethertype", number: 0x0800, at: next };
  if (protocol === 0x57) return { by: "ethertype", number: 0x86dd, at: next };
  if (protocol === 0x281) return { by: "ethertype", number: 0x8847, at: next };
  return null;
};

const dissectFrameRelay: Dissector = (d, at) => {
  d.header(FRAME_RELAY, at);
  if (!d.has(at, 4)) return null;
  const nlpid = d.u8(at + 3);
  if (nlpid === 0xcc || nlpid === 0x8e) return { by: "ip", number: 0, at: at + 4 };
  return nlpid === 0 && d.u8(at + 4) === 0x80 ? { by: "ethertype", number: d.u16(at + 8), at: at + 10 } : null;
};

/** By LINKTYPE_ value. */
export const LINKS: Readonly<Record<number, Dissector>> = {
  0: dissectNull,
  8: (_d, at) => ({ by: "ip", number: 0, at: at + 16 }),
  9: dissectHdlcPpp,
  10: (_d, at) => ({ by: "llc", number: 0, at: at + 13 }),
  12: (_d, at) => ({ by: "ip", number: 0, at }),
  14: (_d, at) => ({ by: "ip", number: 0, at }),
  50: dissectHdlcPpp,
  51: (_d, at) => ({ by: "ethertype", number: 0x8864, at: at + 14 }),
  100: (_d, at) => ({ by: "llc", number: 0, at }),
  101: (_d, at) => ({ by: "ip", number: 0, at }),
  104: dissectCisco,
  107: dissectFrameRelay,
  108: dissectNull,
  113: dissectSll,
  226: (_d, at) => ({ by: "ip", number: 0, at: at + 24 }),
  228: (_d, at) => ({ by: "ip", number: 4, at }),
  229: (_d, at) => ({ by: "ip", number: 6, at }),
  276: dissectSll2,
};

/** ARP (RFC 826). */
import { type Dissector, type Header, num } from "./dissection.ts";

export const ARP: Header = {
  protocol: "ARP",
  title: "Address Resolution Protocol",
  length: 28,
  fields: [
    num("arp.hw.type", "Hardware type", 0, 2),
    num("arp.proto.type", "Protocol type", 2, 2, "hex"),
    num("arp.hw.size", "Hardware size", 4, 1),
    num("arp.proto.size", "Protocol size", 5, 1),
    num("arp.opcode", "Operation", 6, 2, { 1: "request", 2: "reply", 3: "reverse request", 4: "reverse reply" }),
    num("arp.src.hw_mac", "Sender MAC", 8, 6, "mac"),
    num("arp.src.proto_ipv4", "Sender address", 14, 4, "ipv4"),
    num("arp.dst.hw_mac", "Target MAC", 18, 6, "mac"),
    num("arp.dst.proto_ipv4", "Target address", 24, 4, "ipv4"),
  ],
};

export const dissectArp: Dissector = (d, at) => {
  // Other hardware and protocols than Ethernet and IPv4 have other lengths.
  const usual = d.u8(at + 4) === 6 && d.u8(at + 5) === 4;
  d.header(usual ? ARP : { ...ARP, length: 8, fields: ARP.fields.filter((field) => field.at < 8) }, at);
  if (!usual || !d.has(at, 28)) return null;
  const [sender, target] = [d.ipv4(at + 14), d.ipv4(at + 24)];
  const operation = d.u16(at + 6);
  if (operation === 1) d.info = sender === target ? `announcement of ${sender}` : `who has ${target}? tell ${sender}`;
  else if (operation === 2) d.info = `${sender} is at ${d.mac(at + 8)}`;
  d.summarize(d.info);
  return null;
};

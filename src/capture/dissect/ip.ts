/** IPv4 (RFC 791), IPv6 (RFC 8200) with its extension headers, IPsec's headers (RFC 4302, 4303). */
import { bits, type Dissector, type Header, num } from "./dissection.ts";
import { IP_PROTOCOLS } from "./names.ts";

export const IPV4: Header = {
  protocol: "IPv4",
  title: "Internet Protocol version 4",
  length: 20,
  fields: [
    bits("ip.version", "Version", 0, 1, 4, 4),
    bits("ip.hdr_len", "Header length", 0, 1, 0, 4, (words) => `${words * 4} bytes`),
    bits("ip.dsfield.dscp", "DSCP", 1, 1, 2, 6),
    bits("ip.dsfield.ecn", "ECN", 1, 1, 0, 2),
    num("ip.len", "Total length", 2, 2),
    num("ip.id", "Identification", 4, 2, "hex"),
    bits("ip.flags.df", "Do not fragment", 6, 2, 14, 1),
    bits("ip.flags.mf", "More fragments", 6, 2, 13, 1),
    bits("ip.frag_offset", "Fragment offset", 6, 2, 0, 13, (units) => `${units * 8} bytes`),
    num("ip.ttl", "Time to live", 8, 1),
    num("ip.proto", "Protocol", 9, 1, IP_PROTOCOLS),
    num("ip.checksum", "Header checksum", 10, 2, "hex"),
    num("ip.src", "Source", 12, 4, "ipv4"),
    num("ip.dst", "Destination", 16, 4, "ipv4"),
  ],
};

export const IPV6: Header = {
  protocol: "IPv6",
  title: "Internet Protocol version 6",
  length: 40,
  fields: [
    bits("ipv6.version", "Version", 0, 4, 28, 4),
    bits("ipv6.tclass", "Traffic class", 0, 4, 20, 8, "hex"),
    bits("ipv6.flow", "Flow label", 0, 4, 0, 20, "hex"),
    num("ipv6.plen", "Payload length", 4, 2),
    num("ipv6.nxt", "Next header", 6, 1, IP_PROTOCOLS),
    num("ipv6.hlim", "Hop limit", 7, 1),
    num("ipv6.src", "Source", 8, 16, "ipv6"),
    num("ipv6.dst", "Destination", 24, 16, "ipv6"),
  ],
};

export const IPV6_FRAGMENT: Header = {
  protocol: "IPv6",
  title: "IPv6 fragment",
  length: 8,
  fields: [
    num("ipv6.fraghdr.nxt", "Next header", 0, 1, IP_PROTOCOLS),
    bits("ipv6.fraghdr.offset", "Offset", 2, 2, 3, 13),
    bits("ipv6.fraghdr.more", "More fragments", 2, 2, 0, 1),
    num("ipv6.fraghdr.ident", "Identification", 4, 4, "hex"),
  ],
};

export const AH: Header = {
  protocol: "AH",
  title: "Authentication Header",
  length: 12,
  fields: [
    num("ah.next_header", "Next header", 0, 1, IP_PROTOCOLS),
    num("ah.length", "Length", 1, 1),
    num("ah.spi", "SPI", 4, 4, "hex"),
    num("ah.sequence", "Sequence", 8, 4),
  ],
};

export const ESP: Header = {
  protocol: "ESP",
  title: "Encapsulating Security Payload",
  length: 8,
  fields: [num("esp.spi", "SPI", 0, 4, "hex"), num("esp.sequence", "Sequence", 4, 4)],
};

export const dissectIpv4: Dissector = (d, at) => {
  d.header(IPV4, at);
  if (!d.has(at, 20)) return null;
  d.source = d.ipv4(at + 12);
  d.destination = d.ipv4(at + 16);
  const header = (d.u8(at) & 15) * 4;
  const length = d.u16(at + 2);
  const fragment = d.u16(at + 6);
  const protocol = d.u8(at + 9);
  const offset = (fragment & 0x1fff) * 8;
  const parts = [`${d.source} > ${d.destination}  ttl ${d.u8(at + 8)}`];
  if ((fragment & 0x4000) !== 0) parts.push("DF");
  d.summarize(parts.join(" "));
  if (d.u8(at) >> 4 !== 4 || header < 20) {
    d.note("this header contradicts itself");
    return null;
  }
  if (header > 20) {
    d.lengthen(header);
    d.field("", "Options", at + 20, header - 20, d.bytes(at + 20, header - 20));
  }
  // 0: segmentation offload; less than the header: a lie.
  if (length >= header) d.limit(at, length);
  if (offset > 0 || (fragment & 0x2000) !== 0) {
    d.info = `fragment of ${IP_PROTOCOLS[protocol] ?? `protocol ${protocol}`}, offset ${offset}, id 0x${d.u16(at + 4).toString(16)}`;
    if (offset > 0) return null;
  }
  return { by: "ip.proto", number: protocol, at: at + header };
};

/** Extension headers that lie between the IPv6 header and its payload. */
const EXTENSIONS: Readonly<Record<number, Header>> = {
  0: extension("hop-by-hop options", "ipv6.hopopts.nxt"),
  43: extension("routing", "ipv6.routing.nxt"),
  60: extension("destination options", "ipv6.dstopts.nxt"),
};

function extension(title: string, field: string): Header {
  return {
    protocol: "IPv6",
    title: `IPv6 ${title}`,
    length: 2,
    fields: [num(field, "Next header", 0, 1, IP_PROTOCOLS)],
  };
}

export const dissectIpv6: Dissector = (d, at) => {
  d.header(IPV6, at);
  if (!d.has(at, 40)) return null;
  d.source = d.ipv6(at + 8);
  d.destination = d.ipv6(at + 24);
  d.summarize(`${d.source} > ${d.destination}  hop limit ${d.u8(at + 7)}`);
  const length = d.u16(at + 4);
  if (length > 0) d.limit(at, length + 40);
  let protocol = d.u8(at + 6);
  let position = at + 40;
  for (let headers = 0; headers < 16 && d.has(position, 8); headers++) {
    if (protocol === 44) {
      d.header(IPV6_FRAGMENT, position);
      const offset = d.u16(position + 2) & 0xfff8;
      protocol = d.u8(position);
      d.info = `fragment of ${IP_PROTOCOLS[protocol] ?? `protocol ${protocol}`}, offset ${offset}`;
      if (offset > 0) return null;
      position += 8;
      continue;
    }
    const header = EXTENSIONS[protocol];
    if (header === undefined) break;
    const size = (d.u8(position + 1) + 1) * 8;
    d.header(header, position);
    d.lengthen(size);
    protocol = d.u8(position);
    position += size;
  }
  return { by: "ip.proto", number: protocol, at: position };
};

export const dissectAh: Dissector = (d, at) => {
  d.header(AH, at);
  if (!d.has(at, 12)) return null;
  const length = (d.u8(at + 1) + 2) * 4;
  d.lengthen(length);
  d.info = `spi 0x${d.u32(at + 4).toString(16)}`;
  return { by: "ip.proto", number: d.u8(at), at: at + length };
};

export const dissectEsp: Dissector = (d, at) => {
  d.header(ESP, at);
  d.info = `spi 0x${d.u32(at).toString(16)} sequence ${d.u32(at + 4)}`;
  d.summarize(d.info);
  return null;
};

/** TCP (RFC 9293), UDP (RFC 768), UDP-Lite (RFC 3828), SCTP (RFC 9260), DCCP (RFC 4340). */
import { bits, type Dissection, type Dissector, flagNames, type Header, num } from "./dissection.ts";

export const TCP: Header = {
  protocol: "TCP",
  title: "Transmission Control Protocol",
  length: 20,
  fields: [
    num("tcp.srcport", "Source port", 0, 2),
    num("tcp.dstport", "Destination port", 2, 2),
    num("tcp.seq_raw", "Sequence number", 4, 4),
    num("tcp.ack_raw", "Acknowledgment number", 8, 4),
    bits("tcp.hdr_len", "Header length", 12, 1, 4, 4, (words) => `${words * 4} bytes`),
    bits("tcp.flags", "Flags", 12, 2, 0, 12, "hex"),
    num("tcp.window_size_value", "Window", 14, 2),
    num("tcp.checksum", "Checksum", 16, 2, "hex"),
    num("tcp.urgent_pointer", "Urgent pointer", 18, 2),
  ],
  more: [
    ["tcp.options.mss_val", "Maximum segment size"],
    ["tcp.options.wscale.shift", "Window scale"],
    ["tcp.options.timestamp.tsval", "Timestamp"],
    ["tcp.options.timestamp.tsecr", "Timestamp echo"],
    ["tcp.options.sack_perm", "SACK permitted"],
    ["tcp.options.sack_le", "SACK left edge"],
    ["tcp.len", "Payload"],
  ],
};

export const UDP: Header = {
  protocol: "UDP",
  title: "User Datagram Protocol",
  length: 8,
  fields: [
    num("udp.srcport", "Source port", 0, 2),
    num("udp.dstport", "Destination port", 2, 2),
    num("udp.length", "Length", 4, 2),
    num("udp.checksum", "Checksum", 6, 2, "hex"),
  ],
};

export const UDP_LITE: Header = {
  protocol: "UDP-Lite",
  title: "UDP-Lite",
  length: 8,
  fields: [
    num("udp.srcport", "Source port", 0, 2),
    num("udp.dstport", "Destination port", 2, 2),
    num("udp.checksum_coverage", "Checksum coverage", 4, 2),
    num("udp.checksum", "Checksum", 6, 2, "hex"),
  ],
};

export const SCTP: Header = {
  protocol: "SCTP",
  title: "Stream Control Transmission Protocol",
  length: 12,
  fields: [
    num("sctp.srcport", "Source port", 0, 2),
    num("sctp.dstport", "Destination port", 2, 2),
    num("sctp.verification_tag", "Verification tag", 4, 4, "hex"),
    num("sctp.checksum", "Checksum", 8, 4, "hex"),
  ],
  more: [["sctp.chunk_type", "Chunk"]],
};

export const DCCP: Header = {
  protocol: "DCCP",
  title: "Datagram Congestion Control Protocol",
  length: 12,
  fields: [
    num("dccp.srcport", "Source port", 0, 2),
    num("dccp.dstport", "Destination port", 2, 2),
    num("dccp.data_offset", "Data offset", 4, 1),
    num("dccp.checksum", "Checksum", 6, 2, "hex"),
    bits("dccp.type", "Type", 8, 1, 1, 4, {
      0: "request",
      1: "response",
      2: "data",
      3: "ack",
      4: "dataack",
      7: "reset",
    }),
  ],
};

const TCP_FLAGS = [
  [0x02, "SYN"],
  [0x01, "FIN"],
  [0x04, "RST"],
  [0x08, "PSH"],
  [0x10, "ACK"],
  [0x20, "URG"],
  [0x40, "ECE"],
  [0x80, "CWR"],
] as const;

function ports(d: Dissection, at: number): readonly [number, number] {
  const pair = [d.u16(at), d.u16(at + 2)] as const;
  const end = (address: string, port: number): string =>
    address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
  d.source = end(d.source, pair[0]);
  d.destination = end(d.destination, pair[1]);
  return pair;
}

export const dissectTcp: Dissector = (d, at) => {
  d.header(TCP, at);
  if (!d.has(at, 4)) return null;
  const [from, to] = ports(d, at);
  if (!d.has(at, 20)) return null;
  const header = (d.u8(at + 12) >> 4) * 4;
  const flags = flagNames(d.u8(at + 13), TCP_FLAGS);
  const payload = d.wireEnd - at - header;
  const acked = (d.u8(at + 13) & 0x10) !== 0 ? ` ack ${d.u32(at + 8)}` : "";
  d.info = `${from} > ${to} [${flags}] seq ${d.u32(at + 4)}${acked} win ${d.u16(at + 14)} len ${Math.max(0, payload)}`;
  d.summarize(d.info);
  if (header < 20) {
    d.note("this header contradicts itself");
    return null;
  }
  d.lengthen(header);
  tcpOptions(d, at + 20, at + header);
  d.field("tcp.len", "Payload", at + header, Math.max(0, payload), String(Math.max(0, payload)));
  if (payload <= 0 || !d.has(at + header, 1)) return null;
  return { by: "tcp.port", number: from, other: to, at: at + header };
};

function tcpOptions(d: Dissection, from: number, to: number): void {
  let at = from;
  while (at < to && d.has(at, 1)) {
    const kind = d.u8(at);
    if (kind === 0) return;
    if (kind === 1) {
      at++;
      continue;
    }
    const length = d.u8(at + 1);
    if (length < 2 || at + length > to || !d.has(at, length)) return;
    if (kind === 2 && length === 4)
      d.field("tcp.options.mss_val", "Maximum segment size", at, 4, String(d.u16(at + 2)));
    else if (kind === 3 && length === 3)
      d.field("tcp.options.wscale.shift", "Window scale", at, 3, String(d.u8(at + 2)));
    else if (kind === 4) d.field("tcp.options.sack_perm", "SACK permitted", at, length, "1");
    else if (kind === 5) {
      for (let edge = at + 2; edge + 8 <= at + length; edge += 8) {
        d.field("tcp.options.sack_le", "SACK", edge, 8, `${d.u32(edge)} to ${d.u32(edge + 4)}`);
      }
    } else if (kind === 8 && length === 10) {
      d.field("tcp.options.timestamp.tsval", "Timestamp", at + 2, 4, String(d.u32(at + 2)));
      d.field("tcp.options.timestamp.tsecr", "Timestamp echo", at + 6, 4, String(d.u32(at + 6)));
    } else d.field("", `Option ${kind}`, at, length, d.bytes(at + 2, length - 2));
    at += length;
  }
}

export const dissectUdp: Dissector = (d, at) => {
  d.header(UDP, at);
  if (!d.has(at, 4)) return null;
  const [from, to] = ports(d, at);
  if (!d.has(at, 8)) return null;
  const length = d.u16(at + 4);
  d.info = `${from} > ${to} len ${Math.max(0, (length || d.wireEnd - at) - 8)}`;
  d.summarize(d.info);
  // 0: a jumbogram (RFC 2675), or segmentation offload.
  if (length >= 8) d.limit(at, length);
  return d.has(at + 8, 1) ? { by: "udp.port", number: from, other: to, at: at + 8 } : null;
};

export const dissectUdpLite: Dissector = (d, at) => {
  d.header(UDP_LITE, at);
  if (!d.has(at, 8)) return null;
  const [from, to] = ports(d, at);
  d.info = `${from} > ${to}`;
  return null;
};

const CHUNKS: Readonly<Record<number, string>> = {
  0: "DATA",
  1: "INIT",
  2: "INIT ACK",
  3: "SACK",
  4: "HEARTBEAT",
  5: "HEARTBEAT ACK",
  6: "ABORT",
  7: "SHUTDOWN",
  8: "SHUTDOWN ACK",
  9: "ERROR",
  10: "COOKIE ECHO",
  11: "COOKIE ACK",
  14: "SHUTDOWN COMPLETE",
};

export const dissectSctp: Dissector = (d, at) => {
  d.header(SCTP, at);
  if (!d.has(at, 12)) return null;
  const [from, to] = ports(d, at);
  const chunks: string[] = [];
  let position = at + 12;
  while (d.has(position, 4)) {
    const type = d.u8(position);
    const length = d.u16(position + 2);
    if (length < 4) break;
    chunks.push(CHUNKS[type] ?? `chunk ${type}`);
    d.field("sctp.chunk_type", "Chunk", position, length, `${type} (${CHUNKS[type] ?? "unknown"}), ${length} bytes`);
    position += (length + 3) & ~3;
  }
  d.lengthen(position - at);
  d.info = `${from} > ${to} ${chunks.join(", ")}`;
  d.summarize(d.info);
  return null;
};

export const dissectDccp: Dissector = (d, at) => {
  d.header(DCCP, at);
  if (!d.has(at, 12)) return null;
  const [from, to] = ports(d, at);
  d.info = `${from} > ${to}`;
  d.summarize(d.info);
  return null;
};

/** QUIC's long header (RFC 9000 §17.2); what follows is protected. NTP's header (RFC 5905 §7.3). */
import { bits, type Dissector, type Header, num } from "./dissection.ts";

export const QUIC: Header = {
  protocol: "QUIC",
  title: "QUIC",
  length: 6,
  fields: [
    bits("quic.header_form", "Header form", 0, 1, 7, 1, { 1: "long" }),
    bits("quic.fixed_bit", "Fixed bit", 0, 1, 6, 1),
    bits("quic.long.packet_type", "Packet type", 0, 1, 4, 2, { 0: "Initial", 1: "0-RTT", 2: "Handshake", 3: "Retry" }),
    num("quic.version", "Version", 1, 4, "hex"),
    num("quic.dcil", "Destination id length", 5, 1),
  ],
  more: [["quic.dcid", "Destination connection id"]],
};

export const NTP: Header = {
  protocol: "NTP",
  title: "Network Time Protocol",
  length: 48,
  fields: [
    bits("ntp.flags.vn", "Version", 0, 1, 3, 3),
    bits("ntp.flags.mode", "Mode", 0, 1, 0, 3, {
      1: "symmetric",
      2: "symmetric",
      3: "client",
      4: "server",
      5: "broadcast",
    }),
    num("ntp.stratum", "Stratum", 1, 1),
    num("ntp.ppoll", "Poll interval", 2, 1),
  ],
};

export const dissectQuic: Dissector = (d, at) => {
  d.header(QUIC, at);
  const length = d.u8(at + 5);
  d.field("quic.dcid", "Destination connection id", at + 6, length, d.bytes(at + 6, length));
  const type = ["Initial", "0-RTT", "Handshake", "Retry"][(d.u8(at) >> 4) & 3]!;
  d.info = `${d.u32(at + 1) === 0 ? "Version Negotiation" : type}, connection ${d.bytes(at + 6, Math.min(length, 8))}`;
  d.summarize(d.info);
  d.lengthen(d.end - at);
  return null;
};

export const dissectNtp: Dissector = (d, at) => {
  d.header(NTP, at);
  const mode = d.u8(at) & 7;
  d.info = `version ${(d.u8(at) >> 3) & 7} ${mode === 3 ? "client" : mode === 4 ? "server" : `mode ${mode}`}`;
  d.summarize(d.info);
  return null;
};

/** TLS records and the readable part of the handshake (RFC 5246, 8446, 6066), DTLS not included. */
import { type Dissection, type Dissector, type Header, num } from "./dissection.ts";

const CONTENT: Readonly<Record<number, string>> = {
  20: "Change Cipher Spec",
  21: "Alert",
  22: "Handshake",
  23: "Application Data",
  24: "Heartbeat",
};

const HANDSHAKE: Readonly<Record<number, string>> = {
  0: "Hello Request",
  1: "Client Hello",
  2: "Server Hello",
  4: "New Session Ticket",
  8: "Encrypted Extensions",
  11: "Certificate",
  12: "Server Key Exchange",
  13: "Certificate Request",
  14: "Server Hello Done",
  15: "Certificate Verify",
  16: "Client Key Exchange",
  20: "Finished",
  22: "Certificate Status",
};

const VERSIONS: Readonly<Record<number, string>> = {
  768: "SSL 3.0",
  769: "TLS 1.0",
  770: "TLS 1.1",
  771: "TLS 1.2",
  772: "TLS 1.3",
};

export const TLS_RECORD: Header = {
  protocol: "TLS",
  title: "Transport Layer Security",
  length: 5,
  fields: [
    num("tls.record.content_type", "Content type", 0, 1, CONTENT),
    num("tls.record.version", "Version", 1, 2, "hex"),
    num("tls.record.length", "Length", 3, 2),
  ],
  more: [
    ["tls.handshake.type", "Handshake type"],
    ["tls.handshake.version", "Handshake version"],
    ["tls.handshake.extensions_server_name", "Server name"],
    ["tls.handshake.extensions_alpn_str", "Application protocol"],
    ["tls.handshake.extensions.supported_version", "Supported version"],
    ["tls.handshake.ciphersuite", "Cipher suite"],
  ],
};

const MOST_RECORDS = 16;

export const dissectTls: Dissector = (d, at) => {
  const said: string[] = [];
  let position = at;
  // From the first record of this segment on; one that began in an earlier segment is not put together.
  for (let records = 0; records < MOST_RECORDS && isRecord(d, position); records++) {
    const type = d.u8(position);
    const length = d.u16(position + 3);
    d.header(TLS_RECORD, position);
    d.lengthen(5 + length);
    const words = type === 22 ? handshake(d, position + 5, position + 5 + length) : (CONTENT[type] ?? "");
    d.summarize(words);
    said.push(words);
    position += 5 + length;
  }
  d.info = said.join(", ");
  return null;
};

/** Whether a TLS record may begin here. */
export function isRecord(d: Dissection, at: number): boolean {
  return (
    d.has(at, 5) &&
    CONTENT[d.u8(at)] !== undefined &&
    d.u8(at + 1) === 3 &&
    d.u8(at + 2) <= 4 &&
    d.u16(at + 3) <= 18_432
  );
}

/** The handshake message at `at`: what is encrypted has no type that makes sense. */
function handshake(d: Dissection, at: number, end: number): string {
  const type = d.u8(at);
  const name = HANDSHAKE[type];
  if (!d.has(at, 4) || name === undefined || d.u24(at + 1) > 0xffff) return "Encrypted Handshake Message";
  d.field("tls.handshake.type", "Handshake type", at, 1, `${type} (${name})`);
  if (type !== 1 && type !== 2) return name;
  d.field(
    "tls.handshake.version",
    "Handshake version",
    at + 4,
    2,
    `0x${d
      .u16(at + 4)
      .toString(16)
      .padStart(4, "0")}`,
  );
  let position = at + 38;
  position += 1 + d.u8(position);
  if (type === 1) {
    position += 2 + d.u16(position);
    position += 1 + d.u8(position);
  } else {
    d.field(
      "tls.handshake.ciphersuite",
      "Cipher suite",
      position,
      2,
      `0x${d.u16(position).toString(16).padStart(4, "0")}`,
    );
    position += 3;
  }
  if (!d.has(position, 2)) return name;
  return `${name}${extensions(d, position + 2, Math.min(end, position + 2 + d.u16(position)))}`;
}

function extensions(d: Dissection, from: number, to: number): string {
  let said = "";
  let at = from;
  while (at + 4 <= to && d.has(at, 4)) {
    const type = d.u16(at);
    const length = d.u16(at + 2);
    const body = at + 4;
    if (!d.has(body, length)) {
      d.note("cut off in the extensions");
      break;
    }
    if (type === 0 && length >= 5) {
      const name = d.text(body + 5, Math.min(d.u16(body + 3), length - 5));
      d.field("tls.handshake.extensions_server_name", "Server name", body + 5, name.length, name);
      said += ` (${name})`;
    } else if (type === 16 && length >= 3) {
      const name = d.text(body + 3, Math.min(d.u8(body + 2), length - 3));
      d.field("tls.handshake.extensions_alpn_str", "Application protocol", body + 3, name.length, name);
    } else if (type === 43) {
      const versions = length === 2 ? body : body + 1;
      for (let version = versions; version + 2 <= body + length; version += 2) {
        const value = d.u16(version);
        const name = VERSIONS[value];
        const shown = `0x${value.toString(16).padStart(4, "0")}${name === undefined ? "" : ` (${name})`}`;
        d.field("tls.handshake.extensions.supported_version", "Supported version", version, 2, shown);
      }
    }
    at = body + length;
  }
  return said;
}

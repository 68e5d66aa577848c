/** What a UDP flow speaks, by the first bytes of a datagram. Ports only decide between what looks alike, or is too plain. */
import { type Packet, u16, u32 } from "../../decode/packet.ts";
import { type AppNumber, appNumber } from "./apps.ts";
import { indexOfAnyCase, startsWith } from "./bytes.ts";
import { isDns } from "./dns.ts";
import { isKerberosTag, isLdap, isRpcCall } from "./tcp-apps.ts";
import { isDtls } from "./tls.ts";

const BITTORRENT = appNumber("bittorrent");
const DHCP = appNumber("dhcp");
const DHCPV6 = appNumber("dhcpv6");
const DNS = appNumber("dns");
const DTLS = appNumber("dtls");
const IPSEC = appNumber("ipsec");
const KERBEROS = appNumber("kerberos-udp");
const LDAP = appNumber("ldap-udp");
const LLMNR = appNumber("llmnr");
const MDNS = appNumber("mdns");
const NETBIOS = appNumber("netbios");
const NETBIOS_DGM = appNumber("netbios-dgm");
const NFS = appNumber("nfs");
const NTP = appNumber("ntp");
const OPENVPN = appNumber("openvpn");
const QUIC = appNumber("quic");
const RADIUS = appNumber("radius");
const RPC = appNumber("rpc");
const SIP = appNumber("sip");
const SNMP = appNumber("snmp");
const SSDP = appNumber("ssdp");
const STUN = appNumber("stun");
const SYSLOG = appNumber("syslog");
const TFTP = appNumber("tftp");
const WIREGUARD = appNumber("wireguard");

const DHCP_COOKIE = 0x63825363;
const STUN_COOKIE = 0x2112a442;
const RADIUS_PORTS = [1812, 1813, 1645, 1646, 3799];
/** 1 for the ports that `appByPort` asks about. */
const SPECIAL = new Uint8Array(65_536);
for (const port of [53, 5353, 5355, 137, 123, 67, 68, 546, 547, 500, 4500, 138, 88, 389, 69, 1194, ...RADIUS_PORTS]) {
  SPECIAL[port] = 1;
}

/** The app whose messages begin like this datagram's payload; 0 when none is sure. */
export function udpApp(p: Packet): AppNumber {
  const { data, payload: at, payloadLength: wire } = p;
  const length = p.payloadCaptured;
  const end = at + length;
  if (length < 2) return 0;
  const byPort = appByPort(p, at, end);
  if (byPort !== 0) return byPort;
  if (length >= 240 && data[at]! <= 2 && data[at]! >= 1 && u32(data, at + 236) === DHCP_COOKIE) return DHCP;
  if (isQuic(data, at, length)) return QUIC;
  if (
    length >= 20 &&
    (data[at]! & 0xc0) === 0 &&
    u32(data, at + 4) === STUN_COOKIE &&
    u16(data, at + 2) + 20 === wire
  ) {
    return STUN;
  }
  if (isDtls(data, at, end)) return DTLS;
  const ssdp = ["M-SEARCH ", "NOTIFY * HTTP", "HTTP/1."].some((text) => startsWith(data, at, end, text));
  if (ssdp) return SSDP;
  if (isSnmp(data, at, end)) return SNMP;
  if (startsWith(data, at, end, "SIP/2.0 ") || indexOfAnyCase(data, at, Math.min(end, at + 200), " SIP/2.0\r") > 0)
    return SIP;
  if (startsWith(data, at, end, "d1:ad2:id20:") || startsWith(data, at, end, "d1:rd2:id20:")) return BITTORRENT;
  if (length === 148 && u32(data, at) === 0x01000000) return WIREGUARD;
  if (isRpcCall(data, at, end)) return u32(data, at + 12) === 100_003 ? NFS : RPC;
  if (isSyslog(data, at, end)) return SYSLOG;
  return 0;
}

/** What is looked for only where it usually is: its first bytes say too little. */
function appByPort(p: Packet, at: number, end: number): AppNumber {
  const { data, payloadLength: wire, srcPort, dstPort } = p;
  if (SPECIAL[srcPort] === 0 && SPECIAL[dstPort] === 0) return 0;
  const on = (port: number) => srcPort === port || dstPort === port;
  const length = end - at;
  const dns = on(53) ? DNS : on(5353) ? MDNS : on(5355) ? LLMNR : on(137) ? NETBIOS : 0;
  if (dns !== 0) return isDns(data, at, end, at + wire) ? dns : 0;
  if (on(123)) {
    const version = (data[at]! >> 3) & 7;
    return (length >= 48 || wire >= 12) && version >= 1 && version <= 4 ? NTP : 0;
  }
  if (on(67) || on(68)) return length >= 44 && data[at]! >= 1 && data[at]! <= 2 && data[at + 1]! <= 32 ? DHCP : 0;
  if (on(546) || on(547)) return data[at]! >= 1 && data[at]! <= 13 ? DHCPV6 : 0;
  if (on(500)) return isIke(data, at, end) ? IPSEC : 0;
  if (on(4500)) return length === 1 || u32safe(data, at, end) > 0 || isIke(data, at + 4, end) ? IPSEC : 0;
  if (on(138)) return data[at]! >= 0x10 && data[at]! <= 0x16 ? NETBIOS_DGM : 0;
  if (on(88)) return isKerberosTag(data[at]!) ? KERBEROS : 0;
  if (on(389)) return isLdap(data, at, end) ? LDAP : 0;
  if (on(69)) return length >= 4 && u16(data, at) >= 1 && u16(data, at) <= 6 ? TFTP : 0;
  if (on(1194)) return OPENVPN_OPCODES.has(data[at]! >> 3) ? OPENVPN : 0;
  if (RADIUS_PORTS.some(on))
    return length >= 20 && u16(data, at + 2) <= wire && data[at]! > 0 && data[at]! <= 45 ? RADIUS : 0;
  return 0;
}

const OPENVPN_OPCODES = new Set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);

function u32safe(data: Uint8Array, at: number, end: number): number {
  return end - at >= 4 ? u32(data, at) : 0;
}

/** An IKE header (RFC 7296 §3.1): version 1.0 or 2.0, an exchange type that exists. */
function isIke(data: Uint8Array, at: number, end: number): boolean {
  if (end - at < 28) return false;
  const version = data[at + 17]!;
  const exchange = data[at + 18]!;
  return (
    (version === 0x10 && exchange <= 34) || (version >= 0x20 && version < 0x30 && exchange >= 34 && exchange <= 40)
  );
}

/** A long header (RFC 8999) of a version that is in use, or Google's QUIC with a version. */
function isQuic(data: Uint8Array, at: number, length: number): boolean {
  if (length < 16) return false;
  if ((data[at]! & 0x80) !== 0) {
    const version = u32(data, at + 1);
    const high = version >>> 8;
    const known =
      version === 1 ||
      version === 0x6b3343cf ||
      version === 0x709a50c4 ||
      high === 0xff0000 ||
      high === 0xfaceb0 ||
      // Reserved for exercising version negotiation (RFC 9000 §15), and the negotiation itself.
      (version & 0x0f0f0f0f) === 0x0a0a0a0a ||
      (version === 0 && data[at + 5]! >= 4);
    // Q043 to Q050 and T050, T051, in ASCII: their connection ids are laid out differently.
    const google = high === 0x513034 || high === 0x513035 || high === 0x543035;
    return google || (known && data[at + 5]! <= 20);
  }
  // Public header: version flag and connection id, then `Q0xx`.
  return (data[at]! & 0x09) === 0x09 && data[at + 9] === 0x51 && data[at + 10] === 0x30;
}

/** SEQUENCE, version 0, 1 or 3, then a community and a PDU, or version 3's header. */
function isSnmp(data: Uint8Array, at: number, end: number): boolean {
  if (data[at] !== 0x30 || end - at < 12) return false;
  const lengthByte = data[at + 1]!;
  const body = at + 2 + (lengthByte > 0x80 ? lengthByte - 0x80 : 0);
  if (lengthByte > 0x83 || body + 6 >= end || data[body] !== 2 || data[body + 1] !== 1) return false;
  const version = data[body + 2]!;
  if (version === 3) return data[body + 3] === 0x30;
  if (version > 1 || data[body + 3] !== 4) return false;
  const pduAt = body + 5 + data[body + 4]!;
  return pduAt < end && data[pduAt]! >= 0xa0 && data[pduAt]! <= 0xa8;
}

/** `<priority>`, then text (RFC 3164, RFC 5424). */
function isSyslog(data: Uint8Array, at: number, end: number): boolean {
  if (data[at] !== 0x3c) return false;
  let position = at + 1;
  while (position < end && position < at + 4 && data[position]! >= 0x30 && data[position]! <= 0x39) position++;
  if (position === at + 1 || position + 8 > end || data[position] !== 0x3e) return false;
  for (let i = position + 1; i < position + 8; i++) if (data[i]! < 0x20 || data[i]! > 0x7e) return false;
  return true;
}

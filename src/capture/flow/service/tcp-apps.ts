/** What a TCP connection speaks, by the first bytes one of its segments carries. Ports only decide between what looks alike. */
import { type Packet, u16, u32 } from "../../decode/packet.ts";
import { type AppNumber, appNumber } from "./apps.ts";
import { indexOfAnyCase, startsWith, startsWithAnyCase } from "./bytes.ts";
import { isDns } from "./dns.ts";
import { isHttpRequest, isHttpResponse } from "./http.ts";
import { areTlsRecords, isSsl2, isTls } from "./tls.ts";

const AMQP = appNumber("amqp");
const BGP = appNumber("bgp");
const BITTORRENT = appNumber("bittorrent");
const DCE_RPC = appNumber("dce_rpc");
const DNS = appNumber("dns");
const FTP = appNumber("ftp");
const HTTP = appNumber("http");
const IMAP = appNumber("imap");
const IRC = appNumber("irc");
const KERBEROS = appNumber("kerberos-tcp");
const LDAP = appNumber("ldap-tcp");
const MODBUS = appNumber("modbus");
const MQTT = appNumber("mqtt");
const MSSQL = appNumber("mssql");
const MYSQL = appNumber("mysql");
const NETBIOS_SSN = appNumber("netbios-ssn");
const NFS = appNumber("nfs");
const POP3 = appNumber("pop3");
const POSTGRES = appNumber("postgres");
const RDP = appNumber("rdp");
const REDIS = appNumber("redis");
const RPC = appNumber("rpc");
const RSYNC = appNumber("rsync");
const RTSP = appNumber("rtsp");
const SIP = appNumber("sip");
const SMB = appNumber("smb");
const SMTP = appNumber("smtp");
const SSH = appNumber("ssh");
const TELNET = appNumber("telnet");
const TLS = appNumber("tls");
const TLS_RECORDS = appNumber("tls-records");
const VNC = appNumber("vnc");
const XMPP = appNumber("xmpp");

/** The app whose messages begin like this segment's payload; 0 when none is sure. */
export function tcpApp(p: Packet): AppNumber {
  const { data, payload: at } = p;
  const end = at + p.payloadCaptured;
  if (end <= at) return 0;
  const first = data[at]!;
  if (first === 0x16 || (first & 0x80) !== 0) {
    if (isTls(data, at, end) || isSsl2(data, at, end)) return TLS;
  }
  if (first >= 20 && first <= 23 && areTlsRecords(data, at, end, at + p.payloadLength)) return TLS_RECORDS;
  const text = first >= 0x20 && first < 0x7f ? textApp(p, at, end) : 0;
  return text || binaryApp(p, at, end);
}

function hasPort(p: Packet, port: number): boolean {
  return p.srcPort === port || p.dstPort === port;
}

function textApp(p: Packet, at: number, end: number): AppNumber {
  const { data } = p;
  const begins = (text: string) => startsWith(data, at, end, text);
  if (begins("SSH-")) return SSH;
  if (isHttpRequest(data, at, end) || isHttpResponse(data, at, end)) return HTTP;
  if (begins("220 ") || begins("220-")) return banner220(p, at, end);
  if (begins("+OK")) return hasPort(p, 6379) || end - at === 5 ? (hasPort(p, 6379) ? REDIS : 0) : POP3;
  if (begins("* OK") || begins("* PREAUTH") || begins("* BYE")) return IMAP;
  if (begins("RFB 00")) return VNC;
  if (begins("@RSYNCD:")) return RSYNC;
  if (begins("AMQP")) return AMQP;
  if (begins("SIP/2.0") || indexOfAnyCase(data, at, Math.min(end, at + 200), " SIP/2.0\r") > 0) return SIP;
  if (begins("RTSP/1.0") || indexOfAnyCase(data, at, Math.min(end, at + 200), " RTSP/1.0\r") > 0) return RTSP;
  if (begins("<stream:stream") || (begins("<?xml") && indexOfAnyCase(data, at, end, "<STREAM:STREAM") > 0)) return XMPP;
  if ((first(data, at) === 0x2a || first(data, at) === 0x24) && isRedis(data, at, end)) return REDIS;
  const command = (text: string) => startsWithAnyCase(data, at, end, text);
  if (command("EHLO ") || command("HELO ")) return SMTP;
  if (command("NICK ") || command("PASS ") || command("USER ") || command(":")) return userCommand(p, at, end);
  if (command("CAPA\r") || command("APOP ")) return POP3;
  return 0;
}

function first(data: Uint8Array, at: number): number {
  return data[at]!;
}

/** The greeting of SMTP and of FTP begins alike. */
function banner220(p: Packet, at: number, end: number): AppNumber {
  const { data } = p;
  if (indexOfAnyCase(data, at, end, "SMTP") > 0 || hasPort(p, 25) || hasPort(p, 587)) return SMTP;
  if (indexOfAnyCase(data, at, end, "FTP") > 0 || hasPort(p, 21)) return FTP;
  return 0;
}

/** Commands that FTP, POP3 and IRC share. */
function userCommand(p: Packet, at: number, end: number): AppNumber {
  const { data } = p;
  if (hasPort(p, 110)) return POP3;
  if (hasPort(p, 21)) return FTP;
  const irc = startsWithAnyCase(data, at, end, "NICK ") || indexOfAnyCase(data, at, end, "\nNICK ") > 0;
  if (irc || hasPort(p, 6667) || hasPort(p, 6666) || hasPort(p, 6668)) return IRC;
  // `:server 001 nick :Welcome`, `:server NOTICE …`
  if (
    data[at] === 0x3a &&
    (indexOfAnyCase(data, at, end, " NOTICE ") > 0 || indexOfAnyCase(data, at, end, " 001 ") > 0)
  ) {
    return IRC;
  }
  return 0;
}

/** `*3\r\n$3\r\nSET\r\n…` or `$5\r\nhello\r\n` (RESP). */
function isRedis(data: Uint8Array, at: number, end: number): boolean {
  let position = at + 1;
  while (position < end && data[position]! >= 0x30 && data[position]! <= 0x39) position++;
  if (position === at + 1 || !startsWith(data, position, end, "\r\n")) return false;
  if (data[at] === 0x24) return startsWith(data, end - 2, end, "\r\n");
  return position + 2 < end && data[position + 2] === 0x24;
}

function binaryApp(p: Packet, at: number, end: number): AppNumber {
  const { data } = p;
  const length = end - at;
  const wire = p.payloadLength;
  if (data[at] === 0x13 && startsWith(data, at + 1, end, "BitTorrent protocol")) return BITTORRENT;
  if (length < 4) return data[at] === 0xff && hasPort(p, 23) ? TELNET : 0;
  if (data[at] === 0xff && data[at + 1]! >= 0xfa && hasPort(p, 23)) return TELNET;
  if (data[at] === 0x03 && data[at + 1] === 0 && u16(data, at + 2) <= wire && length > 6) {
    // TPKT with X.224: connection request, connection confirm.
    const code = data[at + 5]! & 0xf0;
    if ((code === 0xe0 || code === 0xd0) && hasPort(p, 3389)) return RDP;
    if (code === 0xe0 && indexOfAnyCase(data, at, end, "COOKIE: MSTSHASH") > 0) return RDP;
  }
  const smb = length >= 8 && data[at] === 0 && (data[at + 4] === 0xff || data[at + 4] === 0xfe);
  if (smb && startsWith(data, at + 5, end, "SMB")) return SMB;
  if (data[at] === 0x81 && hasPort(p, 139)) return NETBIOS_SSN;
  if (
    length >= 16 &&
    data[at] === 5 &&
    data[at + 1]! <= 1 &&
    data[at + 2]! <= 19 &&
    u16swapped(data, at + 8) === wire
  ) {
    return DCE_RPC;
  }
  if (length >= 8 && hasPort(p, 502) && u16(data, at + 2) === 0 && u16(data, at + 4) + 6 === wire) return MODBUS;
  if (length >= 19 && hasPort(p, 179) && u32(data, at) === 0xffffffff && u32(data, at + 12) === 0xffffffff) return BGP;
  if (isMysqlGreeting(data, at, end)) return MYSQL;
  if (isPostgresStart(data, at, end, wire)) return POSTGRES;
  if (
    data[at] === 0x10 &&
    (startsWith(data, at + 2, end, "\0\x04MQTT") || startsWith(data, at + 2, end, "\0\x06MQIsdp"))
  ) {
    return MQTT;
  }
  if (isLdap(data, at, end)) return LDAP;
  if (length > 8 && u32(data, at) + 4 === wire && isKerberosTag(data[at + 4]!) && hasPort(p, 88)) return KERBEROS;
  if (length >= 14 && u16(data, at) + 2 <= wire && isDns(data, at + 2, end, at + wire) && hasPort(p, 53)) return DNS;
  if (length >= 20 && (data[at]! & 0x80) !== 0 && isRpcCall(data, at + 4, end)) {
    return u32(data, at + 16) === 100_003 ? NFS : RPC;
  }
  // A TDS packet: type, status, length; a prelogin wherever it is, others on the port.
  const tds = length >= 8 && data[at]! <= 18 && data[at + 1]! <= 1 && u16(data, at + 2) === wire;
  if (tds && u16(data, at + 4) === 0 && (data[at] === 18 || hasPort(p, 1433))) return MSSQL;
  return 0;
}

function u16swapped(data: Uint8Array, at: number): number {
  return data[at]! | (data[at + 1]! << 8);
}

/** Length, packet number 0, protocol 10, then a version in digits and a NUL. */
function isMysqlGreeting(data: Uint8Array, at: number, end: number): boolean {
  if (end - at < 16 || data[at + 3] !== 0 || data[at + 4] !== 10) return false;
  const digit = data[at + 5]!;
  return digit >= 0x33 && digit <= 0x39 && data[at + 6] === 0x2e;
}

/** A startup message of version 3.0, or a request for TLS or GSSAPI. */
function isPostgresStart(data: Uint8Array, at: number, end: number, wire: number): boolean {
  if (end - at < 8 || u32(data, at) !== wire) return false;
  const code = u32(data, at + 4);
  return code === 0x00030000 || code === 80_877_103 || code === 80_877_104 || code === 80_877_102;
}

/** An LDAPMessage (RFC 4511): SEQUENCE, INTEGER, then an operation. */
export function isLdap(data: Uint8Array, at: number, end: number): boolean {
  if (data[at] !== 0x30 || end - at < 7) return false;
  const lengthByte = data[at + 1]!;
  const body = at + 2 + (lengthByte > 0x80 ? lengthByte - 0x80 : 0);
  if (lengthByte > 0x84 || lengthByte === 0x80 || body + 3 >= end || data[body] !== 0x02) return false;
  const idLength = data[body + 1]!;
  const operationAt = body + 2 + idLength;
  if (idLength < 1 || idLength > 4 || operationAt >= end) return false;
  const operation = data[operationAt]!;
  return (operation >= 0x60 && operation <= 0x79) || operation === 0x42 || operation === 0x4a || operation === 0x50;
}

/** Application tags of AS and TGS exchanges, AP exchanges and errors (RFC 4120). */
export function isKerberosTag(tag: number): boolean {
  return (tag >= 0x6a && tag <= 0x6f) || (tag >= 0x74 && tag <= 0x76) || tag === 0x7e;
}

/** An ONC RPC call (RFC 5531): xid, CALL, version 2. */
export function isRpcCall(data: Uint8Array, at: number, end: number): boolean {
  return (
    end - at >= 16 && u32(data, at + 4) === 0 && u32(data, at + 8) === 2 && (u32(data, at + 12) - 100_000) >>> 0 < 1000
  );
}

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { APPS, type App } from "../../src/engine/tables/apps.ts";
import { Probe } from "./probe.ts";

const probe = new Probe();
const apps: readonly App[] = APPS;

type Transport = "tcp" | "udp";
type Case = readonly [name: string, payload: Buffer, port: number];

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
const text = (value: string) => Buffer.from(value, "latin1");

/** What a payload is taken for: a row's name, "" for nothing. */
function appOf(transport: Transport, payload: Uint8Array, port: number, wire = payload.length): string {
  const at = probe.put(payload);
  const number = probe.call("probeApp", Number(transport === "tcp"), at, payload.length, wire, 50_000, port);
  return number === 0 ? "" : apps[number - 1]!.name;
}

const CLIENT_HELLO = hex(
  `16 0301 004a 01 000046 0303 ${"ab".repeat(32)} 00 0002 1301 01 00 001b 0000 0017 0015 00 0012 ${text("api.example.test.x").toString("hex")} 0000`,
);
const QUERY = hex("1234 0100 0001 0000 0000 0000 03777777 076578616d706c65 04746573740000010001");

const TCP_CASES: readonly Case[] = [
  ["tls", CLIENT_HELLO, 12_345],
  ["tls", hex(`80 2e 01 0301 0015 0000 0010 ${"00".repeat(40)}`), 443],
  ["tls-records", hex("17 0303 0004 01020304"), 443],
  ["ssh", text("SSH-2.0-OpenSSH_9.2\r\n"), 80],
  ["http", text("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 6667],
  ["http", text("HTTP/1.1 200 OK\r\n"), 8081],
  ["smtp", text("220 mail.example.test ESMTP ready\r\n"), 2525],
  ["smtp", text("EHLO client\r\n"), 2525],
  ["ftp", text("220 (vsFTPd 3.0.3)\r\n"), 2121],
  ["ftp", text("USER anonymous\r\n"), 21],
  ["pop3", text("+OK POP3 ready\r\n"), 1110],
  ["pop3", text("USER me\r\n"), 110],
  ["imap", text("* OK IMAP4rev1 ready\r\n"), 1143],
  ["irc", text("NICK tap\r\nUSER tap 0 * :tap\r\n"), 7000],
  ["irc", text(":irc.example.test 001 tap :Welcome\r\n"), 7000],
  ["mysql", Buffer.concat([hex("4a000000 0a"), text("8.0.36\0"), Buffer.alloc(20)]), 3307],
  ["postgres", hex("00000008 04d2162f"), 5433],
  ["redis", text("*1\r\n$4\r\nPING\r\n"), 7777],
  ["redis", text("+OK\r\n"), 6379],
  ["modbus", hex("0001 0000 0006 01 03 0000 0001"), 502],
  ["rdp", hex("0300 000b 06 e0 0000 0000 00"), 3389],
  ["smb", Buffer.concat([hex("00000040 fe"), text("SMB"), Buffer.alloc(60)]), 4450],
  ["ldap", hex("300c 020101 6007 020103 0400 8000"), 3899],
  ["kerberos", hex("00000006 6a81 30810102"), 88],
  ["dns", Buffer.concat([hex("0022"), QUERY]), 53],
  ["sip", text("INVITE sip:a@b SIP/2.0\r\n"), 5080],
  ["rtsp", text("OPTIONS rtsp://a/ RTSP/1.0\r\n"), 8554],
  ["bittorrent", Buffer.concat([hex("13"), text("BitTorrent protocol"), Buffer.alloc(48)]), 6000],
  ["mqtt", hex("1010 0004 4d515454 04 02 003c 0004 74657374"), 1884],
  ["vnc", text("RFB 003.008\n"), 5999],
  ["bgp", hex(`${"ff".repeat(16)} 001304`), 179],
  ["telnet", hex("fffd18fffd20"), 23],
  ["xmpp", text("<?xml version='1.0'?><stream:stream to='a'>"), 5222],
  ["dce_rpc", hex("0500 0b03 10000000 1800 0000 01000000 0000000000000000"), 49_155],
  ["netbios-ssn", hex("81000044"), 139],
  ["nfs", hex("80000028 00000001 00000000 00000002 000186a3 00000003"), 2049],
  ["rpc", hex("80000028 00000001 00000000 00000002 000186a0 00000003"), 111],
  ["mssql", hex("12 01 0008 0000 0000"), 1433],
  ["amqp", text("AMQP\0\0\x09\x01"), 5672],
  ["rsync", text("@RSYNCD: 31.0\n"), 873],
  ["socks", hex("050100"), 9050],
  ["socks", hex("05 02 00 02"), 1080],
  ["socks", hex("0500"), 1080],
  ["socks", hex("04 01 0050 01020304 00").subarray(0, 9), 1080],
  ["socks", Buffer.concat([hex("04 01 01bb 00000001 00"), text("example.test\0")]), 9050],
  ["stun", hex("0001 0000 2112a442 000102030405060708090a0b"), 3478],
  ["stun", hex("0014 0001 0000 2112a442 000102030405060708090a0b"), 443],
  ["http", text(`GET /${"a".repeat(200)}`), 8081],
  ["http", text("GET /\r\n\r\n"), 80],
  ["http", text("CONNECT example.test:443 HTTP/1.1\r\nHost: example.test:443\r\n\r\n"), 3128],
  ["http", text("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 50_051],
  // NATS, and what else has words of HTTP.
  ["", text('CONNECT {"verbose":false,"pedantic":false,"lang":"go","version":"1.31.0","protocol":1}\r\n'), 4222],
  ["", text("GET some key\r\n"), 11_211],
  ["", text("LOCK the door and then go away without looking back\r\n"), 9999],
  ["", hex("05 01 0a"), 1080],
  ["", hex("0501"), 9050],
  ["", text("anything else\r\n"), 80],
  ["", hex("00"), 443],
];

const UDP_CASES: readonly Case[] = [
  ["dns", QUERY, 53],
  ["mdns", QUERY, 5353],
  ["llmnr", QUERY, 5355],
  ["netbios", QUERY, 137],
  ["netbios-dgm", hex("1102"), 138],
  ["", text("not a query at all, just text"), 53],
  ["ntp", Buffer.concat([hex("23"), Buffer.alloc(47)]), 123],
  ["dhcp", Buffer.concat([hex("01010600"), Buffer.alloc(232), hex("63825363 350101ff")]), 67],
  ["dhcp", Buffer.concat([hex("01010600"), Buffer.alloc(232), hex("63825363 350101ff")]), 6767],
  ["dhcpv6", hex("01 123456 0008 0002 0000"), 547],
  ["quic", Buffer.concat([hex("c3 00000001 08 0102030405060708 00"), Buffer.alloc(1180)]), 4433],
  ["quic", Buffer.concat([hex("d3 6b3343cf 08 0102030405060708 00"), Buffer.alloc(1180)]), 443],
  ["stun", hex("0001 0000 2112a442 000102030405060708090a0b"), 9999],
  // Without the cookie: RFC 3489, in which attributes fill the message; on its port with attributes of any kind.
  ["stun", hex(`0001 0008 ${"11".repeat(16)} 0003 0004 00000006`), 9999],
  ["stun", hex(`0001 0018 ${"11".repeat(16)} 0101 0014 ${"31".repeat(20)}`), 3478],
  ["", hex(`0001 0018 ${"11".repeat(16)} 0101 0014 ${"31".repeat(20)}`), 9999],
  ["", hex(`0001 0008 ${"11".repeat(16)} 0003 0005 00000006`), 9999],
  ["quic", Buffer.concat([hex("c3 ff00001d 08 0102030405060708 00"), Buffer.alloc(1180)]), 443],
  ["", Buffer.concat([hex("c3 ff000023 08 0102030405060708 00"), Buffer.alloc(1180)]), 443],
  ["dtls", hex("16 feff 0000000000000000 0004 01020304"), 9999],
  ["ssdp", text("M-SEARCH * HTTP/1.1\r\n"), 1900],
  ["snmp", hex("3026 020100 0406 7075626c6963 a019 0201 01 020100 020100 300e 300c 0608 2b06010201010100 0500"), 1610],
  ["syslog", text("<34>Oct 11 22:14:15 host su: failed"), 10_514],
  ["radius", hex(`01 01 0014 ${"00".repeat(16)}`), 1812],
  ["sip", text("REGISTER sip:b SIP/2.0\r\n"), 5061],
  ["kerberos", hex("6a81 30810102"), 88],
  ["ldap", hex("300c 020101 6307 020103 0400 8000"), 389],
  ["ipsec", Buffer.concat([Buffer.alloc(16, 1), hex("21202208"), Buffer.alloc(8)]), 500],
  ["ipsec", hex("01020304 00000001"), 4500],
  ["tftp", text("\0\x01file\0octet\0"), 69],
  ["openvpn", hex("38 0102030405060708 00 00000000"), 1194],
  ["nfs", hex("00000001 00000000 00000002 000186a3 00000003"), 999],
  ["rpc", hex("00000001 00000000 00000002 000186a0 00000003"), 111],
  ["wireguard", Buffer.concat([hex("01000000"), Buffer.alloc(144, 7)]), 9],
  ["bittorrent", text("d1:ad2:id20:01234567890123456789e1:q4:pinge"), 6881],
  ["", text("hello"), 9],
];

const ALL = [...TCP_CASES.map((one) => ["tcp", one] as const), ...UDP_CASES.map((one) => ["udp", one] as const)];

describe("the application is recognised by the payload", () => {
  it.each(TCP_CASES)("TCP: %s %#", (name, payload, port) => {
    expect(appOf("tcp", payload, port)).toBe(name);
  });

  it.each(UDP_CASES)("UDP: %s %#", (name, payload, port) => {
    expect(appOf("udp", payload, port)).toBe(name);
  });

  it("has a case for each application that is recognised", () => {
    for (const transport of ["tcp", "udp"] as const) {
      const seen = ALL.filter(([over]) => over === transport).map(([, [name]]) => name);
      const recognised = apps.filter((app) => app.recognised?.includes(transport)).map(({ name }) => name);
      expect(recognised.filter((name) => !seen.includes(name))).toEqual([]);
    }
  });

  it("looks at nothing beyond the payload, however it is cut or changed", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ALL),
        fc.integer({ min: 1, max: 300 }),
        fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 3 }),
        ([transport, [, payload, port]], cut, changes) => {
          const bytes = Buffer.from(payload.subarray(0, cut));
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          if (bytes.length >= 2) appOf(transport, bytes, port, payload.length);
        },
      ),
      { numRuns: 5000 },
    );
  });

  it("looks at nothing beyond any payload", () => {
    const ports = [...new Set(apps.flatMap(({ tcp = [], udp = [] }) => [...tcp, ...udp]))];
    fc.assert(
      fc.property(
        fc.constantFrom("tcp" as const, "udp" as const),
        fc.uint8Array({ minLength: 2, maxLength: 64 }),
        fc.constantFrom(...ports),
        (transport, bytes, port) => void appOf(transport, bytes, port, bytes.length + 10),
      ),
      { numRuns: 5000 },
    );
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Packet, TCP, UDP } from "../../../../src/capture/decode/packet.ts";
import { APPS, appNumber, appOfPort } from "../../../../src/capture/flow/service/apps.ts";
import { queryName } from "../../../../src/capture/flow/service/dns.ts";
import { ftpDataEnd } from "../../../../src/capture/flow/service/ftp.ts";
import { host } from "../../../../src/capture/flow/service/http.ts";
import { tcpApp } from "../../../../src/capture/flow/service/tcp-apps.ts";
import { serverName } from "../../../../src/capture/flow/service/tls.ts";
import { udpApp } from "../../../../src/capture/flow/service/udp-apps.ts";

function packet(protocol: number, payload: Buffer, dstPort: number, srcPort = 50_000): Packet {
  const p = new Packet();
  // The payload stands between other bytes, which must not be looked at.
  p.data = Buffer.concat([Buffer.from("SSH-"), payload, Buffer.from(" HTTP/1.1\r\nHost: x\r\n")]);
  Object.assign(p, { ipProto: protocol, srcPort, dstPort, transport: true, payload: 4 });
  p.payloadCaptured = payload.length;
  p.payloadLength = payload.length;
  p.end = 4 + payload.length;
  return p;
}

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
const text = (value: string) => Buffer.from(value, "latin1");
const appName = (number: number) => APPS[number]!.app;

const CLIENT_HELLO = hex(
  `16 0301 004a 01 000046 0303 ${"ab".repeat(32)} 00 0002 1301 01 00 001b 0000 0017 0015 00 0012 ${text("api.example.test.x").toString("hex")} 0000`,
);
const QUERY = hex("1234 0100 0001 0000 0000 0000 03777777 076578616d706c65 04746573740000010001");

const TCP_CASES: [string, Buffer, number][] = [
  ["tls", CLIENT_HELLO, 12_345],
  ["tls", hex("17 0303 0004 01020304"), 443],
  ["ssh", text("SSH-2.0-OpenSSH_9.2\r\n"), 80],
  ["http", text("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 6667],
  ["http", text("HTTP/1.1 200 OK\r\n"), 8081],
  ["smtp", text("220 mail.example.test ESMTP ready\r\n"), 2525],
  ["smtp", text("EHLO client\r\n"), 2525],
  ["ftp", text("220 (vsFTPd 3.0.3)\r\n"), 2121],
  ["ftp", text("USER anonymous\r\n"), 21],
  ["pop3", text("+OK POP3 ready\r\n"), 1110],
  ["imap", text("* OK IMAP4rev1 ready\r\n"), 1143],
  ["irc", text("NICK tap\r\nUSER tap 0 * :tap\r\n"), 7000],
  ["mysql", Buffer.concat([hex("4a000000 0a"), text("8.0.36\0"), Buffer.alloc(20)]), 3307],
  ["postgres", hex("00000008 04d2162f"), 5433],
  ["redis", text("*1\r\n$4\r\nPING\r\n"), 7777],
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
  ["", text("anything else\r\n"), 80],
  ["", hex("00"), 443],
  ["", Buffer.alloc(0), 22],
];

const UDP_CASES: [string, Buffer, number][] = [
  ["dns", QUERY, 53],
  ["mdns", QUERY, 5353],
  ["llmnr", QUERY, 5355],
  ["netbios", QUERY, 137],
  ["", text("not a query at all, just text"), 53],
  ["ntp", Buffer.concat([hex("23"), Buffer.alloc(47)]), 123],
  ["dhcp", Buffer.concat([hex("01010600"), Buffer.alloc(232), hex("63825363 350101ff")]), 67],
  ["quic", Buffer.concat([hex("c3 00000001 08 0102030405060708 00"), Buffer.alloc(1180)]), 4433],
  ["quic", Buffer.concat([hex("d3 6b3343cf 08 0102030405060708 00"), Buffer.alloc(1180)]), 443],
  ["stun", hex("0001 0000 2112a442 000102030405060708090a0b"), 9999],
  ["dtls", hex("16 feff 0000000000000000 0004 01020304"), 9999],
  ["ssdp", text("M-SEARCH * HTTP/1.1\r\n"), 1900],
  ["snmp", hex("3026 020100 0406 7075626c6963 a019 0201 01 020100 020100 300e 300c 0608 2b06010201010100 0500"), 1610],
  ["syslog", text("<34>Oct 11 22:14:15 host su: failed"), 10_514],
  ["radius", hex(`01 01 0014 ${"00".repeat(16)}`), 1812],
  ["sip", text("REGISTER sip:b SIP/2.0\r\n"), 5061],
  ["kerberos", hex("6a81 30810102"), 88],
  ["ldap", hex("300c 020101 6307 020103 0400 8000"), 389],
  ["ipsec", Buffer.concat([Buffer.alloc(16, 1), hex("21202208"), Buffer.alloc(8)]), 500],
  ["tftp", text("\0\x01file\0octet\0"), 69],
  ["nfs", hex("00000001 00000000 00000002 000186a3 00000003"), 999],
  ["wireguard", Buffer.concat([hex("01000000"), Buffer.alloc(144, 7)]), 9],
  ["", text("hello"), 9],
];

describe("the application is told by the payload", () => {
  it.each(TCP_CASES)("TCP: %s %#", (name, payload, port) => {
    expect(appName(tcpApp(packet(TCP, payload, port)))).toBe(name);
  });

  it.each(UDP_CASES)("UDP: %s %#", (name, payload, port) => {
    expect(appName(udpApp(packet(UDP, payload, port)))).toBe(name);
  });

  it("looks at nothing beyond the payload, however it is cut or changed", () => {
    const all = [...TCP_CASES.map((one) => [TCP, ...one] as const), ...UDP_CASES.map((one) => [UDP, ...one] as const)];
    const watch = (bytes: Buffer, limit: number) =>
      new Proxy(bytes, {
        get(target, key) {
          if (typeof key === "string" && /^\d+$/.test(key) && Number(key) >= limit)
            throw new Error(`read at ${key} of ${limit}`);
          const value = Reflect.get(target, key, target);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
    fc.assert(
      fc.property(
        fc.constantFrom(...all),
        fc.nat(300),
        fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 3 }),
        (one, cut, changes) => {
          const [protocol, , payload, port] = one;
          const bytes = Buffer.from(payload.subarray(0, cut));
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          const p = packet(protocol, bytes, port);
          p.data = watch(p.data as Buffer, p.end);
          (protocol === TCP ? tcpApp : udpApp)(p);
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe("names", () => {
  it("are found in a ClientHello, a query and a request", () => {
    expect(serverName(CLIENT_HELLO, 0, CLIENT_HELLO.length)).toBe("api.example.test.x");
    expect(queryName(QUERY, 0, QUERY.length)).toBe("www.example.test");
    const request = text("GET / HTTP/1.1\r\nAccept: *\r\nhOsT:  www.example.test:8080\r\n\r\n");
    expect(host(request, 0, request.length)).toBe("www.example.test:8080");
  });

  it("are never read past the captured bytes", () => {
    for (let length = 0; length < CLIENT_HELLO.length; length++) {
      expect(serverName(CLIENT_HELLO, 0, length)?.length ?? 18).toBe(18);
      queryName(QUERY, 0, Math.min(length, QUERY.length));
    }
  });

  it("of FTP's data ends are understood in all four forms", () => {
    const end = (line: string) => ftpDataEnd(text(line), 0, line.length);
    expect(end("PORT 10,0,0,1,195,80\r\n")).toEqual({ ipv4: 0x0a000001, port: 50_000 });
    expect(end("227 Entering Passive Mode (10,0,0,2,4,1)\r\n")).toEqual({ ipv4: 0x0a000002, port: 1025 });
    expect(end("229 Entering Extended Passive Mode (|||5000|)\r\n")).toEqual({ ipv4: undefined, port: 5000 });
    expect(end("EPRT |2|fd00::1|5001|\r\n")).toEqual({ ipv4: undefined, port: 5001 });
    for (const line of ["PORT 10,0,0,1,999,80", "229 (|||99999|)", "200 OK", ""]) expect(end(line)).toBeUndefined();
  });
});

it("knows what usually listens on a port", () => {
  expect(appName(appOfPort("tcp", 22))).toBe("ssh");
  expect(appName(appOfPort("udp", 53))).toBe("dns");
  expect(appOfPort("tcp", 9)).toBe(0);
  expect(() => appNumber("no such")).toThrow();
});

import { describe, expect, it } from "vitest";
import { Frame } from "../../src/capture/frame.ts";
import { Engine } from "../../src/engine/host/engine.ts";
import { Feed } from "../../src/engine/host/feed.ts";
import { textField } from "../../src/engine/host/fields.ts";
import { payloadReaders } from "../../src/service/payload-readers.ts";
import { ethernet, hex, ipv4, tcp, udp } from "../capture/frames.ts";

const text = (value: string) => Buffer.from(value, "latin1");
const TCP = 6;
const UDP = 17;
const SYN = 2;
const ACK = 16;

function feeder(maxFlows = 1000) {
  const engine = new Engine({ build: "checked", readers: payloadReaders, keepEnded: true, maxFlows });
  const feeding = new Feed(engine);
  let sec = 1000;
  /** Counts a frame, of which the snaplen may leave only the first `caplen` bytes. */
  const feed = (bytes: Uint8Array, caplen = bytes.length) => {
    const frame = new Frame();
    frame.data = Buffer.from(bytes);
    Object.assign(frame, {
      caplen: Math.min(caplen, bytes.length),
      origLen: bytes.length,
      linktype: 1,
      hasTime: true,
      sec: sec++,
    });
    feeding.add(frame);
    feeding.flush();
  };
  const segment = (seq: number, payload: Uint8Array, dport = 443, sport = 40_000, caplen?: number) =>
    feed(ethernet(0x0800, ipv4(TCP, tcp(sport, dport, seq, 1, payload.length === 0 ? SYN : ACK, payload))), caplen);
  const answer = (seq: number, payload: Uint8Array, sport: number) => {
    const bytes = tcp(sport, 40_000, seq, 1, ACK, payload);
    feed(ethernet(0x0800, ipv4(TCP, bytes, { source: "10.0.0.2", target: "10.0.0.1" })));
  };
  const datagram = (payload: Uint8Array, dport: number, caplen?: number) =>
    feed(ethernet(0x0800, ipv4(UDP, udp(40_000, dport, payload))), caplen);
  const fields = (["service", "app", "service_basis", "server_name"] as const).map((name) =>
    textField(engine.rows, name),
  );
  /** Service, app, basis and server name of the connection from this port. */
  const found = (sport = 40_000) => {
    let row = -1;
    engine.rows.each((each) => {
      if (engine.rows.port(each, true) === sport) row = each;
    });
    return fields.map((field) => field(row));
  };
  /** Originator, responder, history and packets of each of the only connection. */
  const ends = () => {
    let row = -1;
    engine.rows.each((each) => {
      row = each;
    });
    const words = (["id.orig_h", "id.resp_h", "history"] as const).map((name) => textField(engine.rows, name)(row));
    return [...words, engine.rows.packets(row, true), engine.rows.packets(row, false)];
  };
  return { feed, segment, answer, datagram, found, ends };
}

/** A ClientHello whose server name comes last, behind padding. */
function clientHello(padding: number, name = "api.example.test"): Buffer {
  const length = (bytes: number, size: number) => Buffer.from(bytes.toString(16).padStart(size * 2, "0"), "hex");
  const entry = Buffer.concat([hex("00"), length(name.length, 2), text(name)]);
  const list = Buffer.concat([length(entry.length, 2), entry]);
  const sni = Buffer.concat([hex("0000"), length(list.length, 2), list]);
  const filler = Buffer.concat([hex("0015"), length(padding, 2), Buffer.alloc(padding)]);
  const extensions = Buffer.concat([filler, sni]);
  const body = Buffer.concat([
    hex(`0303${"ab".repeat(32)} 00 0002 1301 01 00`),
    length(extensions.length, 2),
    extensions,
  ]);
  const handshake = Buffer.concat([hex("01"), length(body.length, 3), body]);
  return Buffer.concat([hex("16 0301"), length(handshake.length, 2), handshake]);
}

describe("what a connection speaks", () => {
  it("is a guess by port only while it has carried nothing", () => {
    const { segment, found } = feeder();
    segment(1, Buffer.alloc(0), 22);
    expect(found()).toEqual([undefined, "ssh", "port", undefined]);
    segment(2, text("GET / HTTP/1.1\r\nHost: on.ssh.port\r\n\r\n"), 22);
    expect(found()).toEqual(["http", "http", "payload", "on.ssh.port"]);
  });

  it("is not guessed when the payload says nothing known", () => {
    const { segment, found } = feeder();
    segment(1, text("what is this?"), 22);
    expect(found()).toEqual([undefined, undefined, undefined, undefined]);
  });

  it.each([[[2000]], [[700]], [[300, 900]]])("finds the server name of a ClientHello cut at %j", (cuts) => {
    const { segment, found } = feeder();
    const hello = clientHello(1200);
    let from = 0;
    for (const cut of [...cuts, hello.length]) {
      const to = Math.min(cut, hello.length);
      if (to > from) segment(1000 + from, hello.subarray(from, to));
      from = to;
    }
    expect(found()).toEqual(["ssl", "tls", "payload", "api.example.test"]);
  });

  it("puts no ClientHello together from segments that do not follow one another", () => {
    const { segment, found } = feeder();
    const hello = clientHello(1200);
    segment(1000, hello.subarray(0, 700));
    segment(5000, hello.subarray(700));
    expect(found()).toEqual(["ssl", "tls", "payload", undefined]);
  });

  it("is joined by ssl when TLS begins later", () => {
    const { segment, found } = feeder();
    segment(1, text("EHLO me\r\n"), 25);
    segment(10, text("STARTTLS\r\n"), 25);
    expect(found()[0]).toBe("smtp");
    segment(20, clientHello(10), 25);
    expect(found()).toEqual(["smtp,ssl", "smtp", "payload", "api.example.test"]);
  });

  it("knows a data connection that FTP has announced, once", () => {
    const { segment, answer, found } = feeder();
    segment(1, text("USER anonymous\r\n"), 21);
    // The server's own address, port 5000.
    answer(1, text("229 Entering Extended Passive Mode (|||5000|)\r\n"), 21);
    expect(found()[0]).toBe("ftp");
    segment(1, Buffer.alloc(0), 5000, 40_001);
    expect(found(40_001)).toEqual(["ftp-data", "ftp-data", "parent", undefined]);
    segment(1, Buffer.alloc(0), 5000, 40_002);
    expect(found(40_002)[0]).toBeUndefined();
  });

  it.each([
    ["rdp", 3389, hex("0300 000b 06 e0 0000 0000 00")],
    ["mysql", 3306, Buffer.concat([hex("4a000000 0a"), text("8.0.36\0"), Buffer.alloc(20)])],
    ["socks", 1080, hex("050100")],
  ])("may go on as TLS: %s", (app, port, first) => {
    const { segment, found } = feeder();
    segment(1, first, port);
    expect(found()[0]).toBe(app);
    segment(100, clientHello(0), port);
    expect(found()).toEqual([`${app},ssl`, app, "payload", "api.example.test"]);
  });

  it("is DTLS when that follows STUN on the same flow (RFC 7983)", () => {
    const { datagram, found } = feeder();
    for (let i = 0; i < 10; i++) datagram(hex("0001 0000 2112a442 000102030405060708090a0b"), 3478);
    expect(found()).toEqual([undefined, "stun", "payload", undefined]);
    datagram(hex("16 feff 0000000000000000 0004 01020304"), 3478);
    expect(found()).toEqual(["ssl", "dtls", "payload", undefined]);
  });

  it("is RTP where SIP has announced it, from either side", () => {
    const { datagram, feed, found } = feeder();
    const offer = ["INVITE sip:b@b SIP/2.0", "", "v=0", "c=IN IP4 10.0.0.1", "m=audio 6000 RTP/AVP 0", ""].join("\r\n");
    datagram(text(offer), 5060);
    expect(found()[0]).toBe("sip");
    const media = hex(`80 00 0001 00000000 00000001 ${"d5".repeat(20)}`);
    feed(ethernet(0x0800, ipv4(UDP, udp(6000, 7000, media))));
    expect(found(6000)).toEqual([undefined, "rtp", "parent", undefined]);
    feed(ethernet(0x0800, ipv4(UDP, udp(6001, 7001, hex(`81 c8 0006 00000001 ${"00".repeat(20)}`)))));
    expect(found(6001)).toEqual([undefined, "rtcp", "parent", undefined]);
    feed(ethernet(0x0800, ipv4(UDP, udp(6002, 7002, media))));
    expect(found(6002)[1]).toBeUndefined();
  });

  it("is RTP behind STUN", () => {
    const { datagram, found } = feeder();
    datagram(hex("0001 0000 2112a442 000102030405060708090a0b"), 19_302);
    datagram(hex(`80 60 0001 00000000 00000001 ${"d5".repeat(20)}`), 19_302);
    expect(found()).toEqual([undefined, "rtp", "payload", undefined]);
  });

  it("names what carries a tunnel", () => {
    const { feed, found } = feeder();
    const inner = ethernet(0x0800, ipv4(UDP, udp(7, 8, text("hello"))));
    feed(ethernet(0x0800, ipv4(UDP, udp(9, 4789, Buffer.concat([hex("0800000000002a00"), inner])))));
    expect(found(9)).toEqual(["vxlan", "vxlan", "payload", undefined]);
  });

  it("is forgotten when the row is used for another connection", () => {
    const { segment, found } = feeder(1);
    segment(1, text("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 80, 1);
    expect(found(1)[3]).toBe("a");
    segment(1, text("nothing"), 80, 2);
    expect(found(2)).toEqual([undefined, undefined, undefined, undefined]);
  });
});

describe("who asked", () => {
  const response = hex("1234 8180 0000 0000 0000 0000");

  it("is the other side when DNS begins with a response to one host", () => {
    const { feed, ends } = feeder();
    feed(ethernet(0x0800, ipv4(UDP, udp(5353, 5353, response))));
    expect(ends()).toEqual(["10.0.0.2", "10.0.0.1", "D^", 0, 1]);
  });

  it("is the sender when the response goes to a group", () => {
    const { feed, ends } = feeder();
    feed(ethernet(0x0800, ipv4(UDP, udp(5353, 5353, response), { target: "224.0.0.251" })));
    expect(ends()).toEqual(["10.0.0.1", "224.0.0.251", "D", 1, 0]);
  });

  it("is the other side when NTP's server comes first, once", () => {
    const { feed, ends } = feeder();
    const ntp = (first: string) => udp(123, 123, Buffer.concat([hex(first), Buffer.alloc(47)]));
    feed(ethernet(0x0800, ipv4(UDP, ntp("24"))));
    expect(ends()).toEqual(["10.0.0.2", "10.0.0.1", "D^", 0, 1]);
    feed(ethernet(0x0800, ipv4(UDP, ntp("24"))));
    feed(ethernet(0x0800, ipv4(UDP, ntp("23"), { source: "10.0.0.2", target: "10.0.0.1" })));
    expect(ends()).toEqual(["10.0.0.2", "10.0.0.1", "D^D", 1, 2]);
  });
});

/** A DNS query for a name of labels, and what follows the header in place of that. */
const query = (...labels: string[]) =>
  Buffer.concat([
    hex("1234 0100 0001 0000 0000 0000"),
    ...labels.map((label) => Buffer.concat([Buffer.from([Buffer.byteLength(label)]), Buffer.from(label)])),
    hex("00 0001 0001"),
  ]);

describe("names from the wire", () => {
  const request = (host: string) => text(`GET / HTTP/1.1\r\nAccept: *\r\nhOsT: ${host}\r\n\r\n`);
  const ETHERNET_IP_TCP = 14 + 20 + 20;

  it.each([
    ["www.example.test", "www.example.test"],
    ["www.example.test:8080", "www.example.test"],
    ["[2001:db8::1]:8080", "[2001:db8::1]"],
    ["[2001:db8::1]", "[2001:db8::1]"],
    ["127.0.0.1:80", "127.0.0.1"],
  ])("HTTP: of Host: %s the port is left out", (host, name) => {
    const { segment, found } = feeder();
    segment(1, request(host), 80);
    expect(found()[3]).toBe(name);
  });

  it("count only if their end was captured: HTTP", () => {
    const whole = request("127.0.0.1");
    for (let captured = 20; captured <= whole.length; captured++) {
      const { segment, found } = feeder();
      segment(1, whole, 80, 40_000, ETHERNET_IP_TCP + captured);
      // The line's end comes three bytes before the end of all.
      expect(found()[3], `${captured} bytes`).toBe(captured > whole.length - 3 ? "127.0.0.1" : undefined);
    }
  });

  it("count only if their end was captured: DNS, TLS", () => {
    const whole = query("www", "example", "test");
    const end = whole.length - 4;
    for (let captured = 12; captured <= whole.length; captured++) {
      const { datagram, found } = feeder();
      datagram(whole, 53, 14 + 20 + 8 + captured);
      expect(found()[3]).toBe(captured >= end ? "www.example.test" : undefined);
    }
    const hello = clientHello(0);
    for (let captured = 60; captured <= hello.length; captured++) {
      const { segment, found } = feeder();
      segment(1, hello, 443, 40_000, ETHERNET_IP_TCP + captured);
      expect(found()[3]).toBe(captured === hello.length ? "api.example.test" : undefined);
    }
  });

  it("HTTP: Host may be in a later segment of the same side", () => {
    const { segment, answer, found } = feeder();
    segment(1, text("POST /form HTTP/1.1\r\nCookie: abc\r\n"), 80);
    answer(1, text("HTTP/1.1 100 Continue\r\nHost: not.this.one\r\n\r\n"), 80);
    expect(found()[3]).toBeUndefined();
    segment(36, text("Host: later.example.test\r\n\r\n"), 80);
    expect(found()).toEqual(["http", "http", "payload", "later.example.test"]);
  });

  it("HTTP: a body's Host is none", () => {
    const { segment, found } = feeder();
    segment(1, text("POST /form HTTP/1.0\r\nLength: 9\r\n\r\n"), 80);
    segment(40, text("Host: in.the.body\r\n"), 80);
    expect(found()[3]).toBeUndefined();
  });

  it("DNS: follows a pointer, but not in circles", () => {
    const { datagram, found } = feeder();
    const answer = hex("0000 8400 0000 0001 0000 0000 04 68657265 c01a 0001 0001 00000000 0004");
    datagram(Buffer.concat([answer, hex("0a000001")]), 5353);
    // It begins with a response: who sent it is the responder.
    expect(found(5353)[3]).toBeUndefined();
    const back = hex("0000 0100 0002 0000 0000 0000 c00c 0001 0001 0161 c00c 0001 0001");
    const second = feeder();
    second.datagram(back, 5353);
    expect(second.found()[3]).toBeUndefined();
  });

  it("stay UTF-8 where they are", () => {
    const { datagram, found } = feeder();
    datagram(query("B\u00fcro-Drucker", "local"), 5353);
    expect(found()[3]).toBe("B\u00fcro-Drucker.local");
  });

  it("are kept and given back by the thousands, of every length there is", () => {
    const { segment, found } = feeder(50);
    for (let i = 0; i < 2000; i++) {
      const name = `${i}.${"x".repeat((i * 7) % 260)}`;
      segment(1, clientHello(0, name), 443, 1000 + i);
      expect(found(1000 + i)[3]).toBe(name.slice(0, 255));
    }
  });
});

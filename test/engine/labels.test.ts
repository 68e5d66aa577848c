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
  const feed = (bytes: Uint8Array) => {
    const frame = new Frame();
    frame.data = Buffer.from(bytes);
    Object.assign(frame, { caplen: bytes.length, origLen: bytes.length, linktype: 1, hasTime: true, sec: sec++ });
    feeding.add(frame);
    feeding.flush();
  };
  const segment = (seq: number, payload: Uint8Array, dport = 443, sport = 40_000) =>
    feed(ethernet(0x0800, ipv4(TCP, tcp(sport, dport, seq, 1, payload.length === 0 ? SYN : ACK, payload))));
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
  return { feed, segment, found };
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
    const { feed, segment, found } = feeder();
    segment(1, text("USER anonymous\r\n"), 21);
    // The server's answer: its own address, port 5000.
    const answer = tcp(21, 40_000, 1, 20, ACK, text("229 Entering Extended Passive Mode (|||5000|)\r\n"));
    feed(ethernet(0x0800, ipv4(TCP, answer, { source: "10.0.0.2", target: "10.0.0.1" })));
    expect(found()[0]).toBe("ftp");
    segment(1, Buffer.alloc(0), 5000, 40_001);
    expect(found(40_001)).toEqual(["ftp-data", "ftp-data", "parent", undefined]);
    segment(1, Buffer.alloc(0), 5000, 40_002);
    expect(found(40_002)[0]).toBeUndefined();
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

describe("names from the wire", () => {
  it("are kept and given back by the thousands, of every length there is", () => {
    const { segment, found } = feeder(50);
    for (let i = 0; i < 2000; i++) {
      const name = `${i}.${"x".repeat((i * 7) % 260)}`;
      segment(1, clientHello(0, name), 443, 1000 + i);
      expect(found(1000 + i)[3]).toBe(name.slice(0, 255));
    }
  });
});

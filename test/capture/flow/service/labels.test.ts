import { describe, expect, it } from "vitest";
import { ACK, SYN, TCP, UDP } from "../../../../src/capture/decode/packet.ts";
import { FlowMeter } from "../../../../src/capture/flow/meter.ts";
import { Frame } from "../../../../src/capture/frame.ts";
import { ethernet, hex, ipv4, tcp, udp } from "../../frames.ts";

const text = (value: string) => Buffer.from(value, "latin1");

function feeder() {
  const meter = new FlowMeter();
  let sec = 1000;
  const feed = (bytes: Uint8Array) => {
    const frame = new Frame();
    frame.data = Buffer.from(bytes);
    Object.assign(frame, { caplen: bytes.length, origLen: bytes.length, linktype: 1, sec: sec++ });
    return meter.add(frame);
  };
  const segment = (seq: number, payload: Uint8Array, dport = 443, sport = 40_000) =>
    feed(ethernet(0x0800, ipv4(TCP, tcp(sport, dport, seq, 1, payload.length === 0 ? SYN : ACK, payload))));
  const told = (row: number) => {
    const { labels } = meter;
    return [labels.service(row), labels.app(row), labels.basis(row), labels.serverName(row)];
  };
  return { meter, feed, segment, told };
}

/** A ClientHello whose server name comes last, behind padding. */
function clientHello(padding: number): Buffer {
  const name = text("api.example.test");
  const sni = Buffer.concat([hex("0000 0015 0013 00 0010"), name]);
  const filler = Buffer.concat([hex("0015"), Buffer.from([padding >> 8, padding & 255]), Buffer.alloc(padding)]);
  const extensions = Buffer.concat([filler, sni]);
  const length = (bytes: number, size: number) => Buffer.from(bytes.toString(16).padStart(size * 2, "0"), "hex");
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
    const { segment, told } = feeder();
    const row = segment(1, Buffer.alloc(0), 22);
    expect(told(row)).toEqual([undefined, "ssh", "port", undefined]);
    segment(2, text("GET / HTTP/1.1\r\nHost: on.ssh.port\r\n\r\n"), 22);
    expect(told(row)).toEqual(["http", "http", "payload", "on.ssh.port"]);
  });

  it("is not guessed when the payload says nothing known", () => {
    const { segment, told } = feeder();
    const row = segment(1, text("what is this?"), 22);
    expect(told(row)).toEqual([undefined, undefined, undefined, undefined]);
  });

  it("finds the server name of a ClientHello in one segment, in two, and in three", () => {
    for (const cuts of [[2000], [700], [300, 900]]) {
      const { segment, told } = feeder();
      const hello = clientHello(1200);
      let row = -1;
      let from = 0;
      for (const cut of [...cuts, hello.length]) {
        const to = Math.min(cut, hello.length);
        if (to > from) row = segment(1000 + from, hello.subarray(from, to));
        from = to;
      }
      expect(told(row)).toEqual(["ssl", "tls", "payload", "api.example.test"]);
    }
  });

  it("puts no ClientHello together from segments that do not follow one another", () => {
    const { segment, told } = feeder();
    const hello = clientHello(1200);
    segment(1000, hello.subarray(0, 700));
    const row = segment(5000, hello.subarray(700));
    expect(told(row)).toEqual(["ssl", "tls", "payload", undefined]);
  });

  it("is joined by ssl when TLS begins later", () => {
    const { segment, told } = feeder();
    segment(1, text("EHLO me\r\n"), 25);
    const row = segment(10, text("STARTTLS\r\n"), 25);
    expect(told(row)[0]).toBe("smtp");
    segment(20, clientHello(10), 25);
    expect(told(row)).toEqual(["smtp,ssl", "smtp", "payload", "api.example.test"]);
  });

  it("knows a data connection that FTP has announced, once", () => {
    const { feed, segment, told } = feeder();
    segment(1, text("USER anonymous\r\n"), 21);
    // The server's answer: its own address, port 5000.
    const answer = tcp(21, 40_000, 1, 20, ACK, text("229 Entering Extended Passive Mode (|||5000|)\r\n"));
    const control = feed(ethernet(0x0800, ipv4(TCP, answer, { source: "10.0.0.2", target: "10.0.0.1" })));
    expect(told(control)[0]).toBe("ftp");
    expect(told(segment(1, Buffer.alloc(0), 5000, 40_001))).toEqual(["ftp-data", "ftp-data", "parent", undefined]);
    expect(told(segment(1, Buffer.alloc(0), 5000, 40_002))[0]).toBeUndefined();
  });

  it("names what carries a tunnel", () => {
    const { feed, told } = feeder();
    const inner = ethernet(0x0800, ipv4(UDP, udp(7, 8, text("hello"))));
    const row = feed(ethernet(0x0800, ipv4(UDP, udp(9, 4789, Buffer.concat([hex("0800000000002a00"), inner])))));
    expect(told(row)).toEqual(["vxlan", "vxlan", "payload", undefined]);
  });

  it("is forgotten when the row is used for another connection", () => {
    const meter = new FlowMeter({ maxFlows: 1 });
    const add = (payload: string, sport: number) => {
      const bytes = Buffer.from(ethernet(0x0800, ipv4(TCP, tcp(sport, 80, 1, 1, ACK, text(payload)))));
      const frame = new Frame();
      Object.assign(frame, { data: bytes, caplen: bytes.length, origLen: bytes.length, linktype: 1, sec: 1000 });
      return meter.add(frame);
    };
    const first = add("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 1);
    const second = add("nothing", 2);
    expect(second).toBe(first);
    expect([meter.labels.service(second), meter.labels.serverName(second)]).toEqual([undefined, undefined]);
  });
});

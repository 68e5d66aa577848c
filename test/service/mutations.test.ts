/** Every parser on payload that lies: nothing throws, nothing takes long, whatever is cut, flipped or repeated. */
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { PROTOCOLS } from "../../src/service/protocols.ts";
import { drive, type Said } from "./drive.ts";

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(" ", ""), "hex");

/** Payload that leads a parser into its depths; others get all of these too. */
const SEEDS: readonly Buffer[] = [
  Buffer.from(
    "GET / HTTP/1.1\r\nHost: a\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
  ),
  Buffer.concat([Buffer.from("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"), gzipSync("x".repeat(1000))]),
  Buffer.from("220 x\r\n331 y\r\nUSER a\r\nPASS b\r\nPORT 1,2,3,4,5,6\r\nRETR ../../x\r\n227 (1,2,3,4,5,6)\r\n"),
  Buffer.from(
    "EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n354 go\r\nSubject: x\r\n\r\n--\r\n.\r\n250 ok\r\nBDAT 10 LAST\r\n0123456789",
  ),
  bytes(
    "1603010040 0100003c0303" +
      "11".repeat(32) +
      "00 0002 1301 0100 0011 0000 0009 0007 00 0004 61626364 002b0003020304",
  ),
  bytes(`16feff000000000000000000 30 01000024 0000 000000 000024 fefd${"22".repeat(32)}0000`),
  bytes(`c3 00000001 08 0102030405060708 08 0807060504030201 00 4022${"33".repeat(64)}`),
  Buffer.from("SSH-2.0-x\r\n"),
  bytes(`0000002c 04 14${"44".repeat(38)}`),
  bytes(
    "1234 8180 0001 0002 0000 0000 0461626364 00 0001 0001 c00c 0005 0001 00000001 0002 c00c c00c 0010 0001 00000001 0004 03616263",
  ),
  bytes("30 0c 02 01 01 60 07 02 01 03 04 00 80 00 30 0c 02 01 01 61 07 0a 01 00 04 00 04 00"),
  bytes(
    "30 2a 02 01 02 63 25 04 00 0a 01 02 0a 01 00 02 01 00 02 01 00 01 01 00 a0 12 87 01 61 a4 0d 04 01 61 30 08 80 01 62 81 01 63 82 00 30 00",
  ),
  Buffer.from("*2\r\n$3\r\nGET\r\n$1\r\na\r\n$-1\r\n+OK\r\n-ERR x\r\n%1\r\n+a\r\n:1\r\n"),
  bytes("0001 0000 0006 01 03 0000 0001 0001 0000 0003 01 83 02"),
  bytes("05 01 00 05 00 05 01 00 03 04 61626364 0050 05 00 00 01 01020304 0050"),
  bytes(
    "0a000000 0a 352e30 00 00000000 0000000000000000 00 2000 0001" +
      "85a60300 00000001 08" +
      "00".repeat(23) +
      "726f6f7400 00",
  ),
  Buffer.from("INVITE sip:a@b SIP/2.0\r\nVia: x\r\nFrom: a;tag=1\r\n\r\nSIP/2.0 200 OK\r\n\r\n"),
  Buffer.concat([bytes("23 03 06 e8"), Buffer.alloc(44, 7)]),
  Buffer.concat([
    bytes("01010600 12345678"),
    Buffer.alloc(228),
    bytes("63825363 350101 3d0701aabbccddeeff 0c0361626 3ff".replace(/ /g, "")),
  ]),
  Buffer.from("<13>text"),
];

/** A small generator, so that a failure can be made again from its number (xorshift32). */
function generator(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function mutate(random: (below: number) => number): Said[] {
  const said: Said[] = [];
  for (let i = 0, count = 1 + random(4); i < count; i++) {
    let message = Buffer.from(SEEDS[random(SEEDS.length)]!);
    for (let changes = random(6); changes > 0 && message.length > 0; changes--) {
      const at = random(message.length);
      const kind = random(4);
      if (kind === 0) message[at] = random(256);
      else if (kind === 1) message = Buffer.from(message.subarray(0, at));
      else if (kind === 2) message = Buffer.concat([message.subarray(0, at), message.subarray(random(message.length))]);
      else message[at] = [0, 0x7f, 0x80, 0xff][random(4)]!;
    }
    said.push({ from: random(2) === 0 ? "client" : "server", bytes: message });
  }
  return said;
}

describe("parsers on hostile payload", () => {
  it.each(PROTOCOLS.map(({ app }) => app))("%s takes 1,500 mutated conversations without a throw", (app) => {
    for (let seed = 1; seed <= 1500; seed++) {
      const random = generator(seed);
      const said = mutate(random);
      const transport = random(2) === 0 ? "tcp" : "udp";
      const chunk = [Infinity, 1, 5][random(3)]!;
      expect(() => drive(app, said, transport, chunk), `mutation ${seed}`).not.toThrow();
    }
  });
});

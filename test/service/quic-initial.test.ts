import { createCipheriv } from "node:crypto";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { QuicClient } from "../../src/service/quic-initial.ts";

const hex = (text: string) => Buffer.from(text.replace(/\s/g, ""), "hex");

// RFC 9001, appendix A: the client's keys for the connection id 8394c8f03e515708, and its ClientHello in a CRYPTO frame.
const KEY = hex("1f369613dd76d5467730efcbe3b1a22d");
const IV = hex("fa044b2f42a3fd3b46fb255c");
const HP = hex("9f50449e04a0e810283a1e9933adedd2");
const CRYPTO = hex(`
  060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578
  616d706c652e636f6dff01000100000a00080006001d0017001800100007000504616c706e000500050100000000003300260024001d00209370b2c9caa47fba
  baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b0003020304000d0010000e0403050306030203080408050806002d00020101001c0002400100
  3900320408ffffffffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f03e51570806048000ffff`);

/** An Initial packet of version 1 with these frames, packet number 2 in four bytes, protected as RFC 9001 §5 says. */
function initial(frames: Buffer, size = 1162): Buffer {
  const plain = Buffer.alloc(size);
  frames.copy(plain);
  const header = hex("c300000001088394c8f03e5157080000449e00000002");
  header.writeUInt16BE(0x4000 | (size + 4 + 16), 16);
  const nonce = Buffer.from(IV);
  nonce[11]! ^= 2;
  const cipher = createCipheriv("aes-128-gcm", KEY, nonce).setAAD(header);
  const packet = Buffer.concat([header, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  const mask = createCipheriv("aes-128-ecb", HP, null).update(packet.subarray(22, 38));
  packet[0]! ^= mask[0]! & 0x0f;
  for (let i = 0; i < 4; i++) packet[18 + i]! ^= mask[1 + i]!;
  return packet;
}

/** A piece of the handshake as a CRYPTO frame. */
function piece(from: number, to: number): Buffer {
  const frame = Buffer.concat([hex("06 0000 0000"), CRYPTO.subarray(4 + from, 4 + to)]);
  frame.writeUInt16BE(0x4000 | from, 1);
  frame.writeUInt16BE(0x4000 | (to - from), 3);
  return frame;
}

/** The ClientHello, if all of it is there. */
const helloIn = (...datagrams: Buffer[]): string | undefined => {
  const client = new QuicClient();
  let record: Uint8Array | undefined;
  for (const datagram of datagrams) record = client.add(datagram) ?? record;
  return record?.length === 5 + HELLO.length ? Buffer.from(record.subarray(5)).toString("hex") : undefined;
};
const HELLO = CRYPTO.subarray(4);
const PACKET = initial(CRYPTO);

describe("the handshake in QUIC's Initial packets", () => {
  it("is found in the Initial packet of RFC 9001, appendix A.2", () => {
    expect(PACKET.toString("hex").slice(0, 44)).toBe("c000000001088394c8f03e5157080000449e7b9aec34");
    expect(PACKET).toHaveLength(1200);
    expect(helloIn(PACKET)).toBe(HELLO.toString("hex"));
  });

  it("is put together from pieces in any order, of several packets and datagrams, with other frames between", () => {
    const end = CRYPTO.length - 4;
    const [a, b, c] = [piece(0, 40), piece(40, 70), piece(60, end)];
    expect(helloIn(initial(Buffer.concat([c, hex("00 01 02 05 00 00 00"), a, b])))).toBe(HELLO.toString("hex"));
    expect(helloIn(initial(c), initial(a), initial(b))).toBe(HELLO.toString("hex"));
    expect(helloIn(Buffer.concat([initial(a, 100), initial(b, 100), initial(c)]))).toBe(HELLO.toString("hex"));
    expect(helloIn(initial(a), initial(c))).toBeUndefined();
  });

  it("is not given when anything is cut or changed, and nothing is thrown", () => {
    for (let length = 0; length < PACKET.length; length++) expect(helloIn(PACKET.subarray(0, length))).toBeUndefined();
    fc.assert(
      fc.property(fc.nat(PACKET.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = Buffer.from(PACKET);
        changed[at]! ^= change;
        expect(helloIn(changed)).toBeUndefined();
      }),
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void helloIn(initial(Buffer.from(bytes)))));
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void helloIn(Buffer.from(bytes))));
  });

  it("keeps a bounded part of a handshake that never ends", () => {
    const handshake = new QuicClient();
    const long = initial(piece(100, 200), 110);
    for (let i = 0; i < 1000; i++) expect(handshake.add(long)).toBeUndefined();
  });

  it("keeps of a packet only the handshake in it", async () => {
    const packet = initial(piece(100, 110), 16_000);
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const held = () => {
      collect();
      return process.memoryUsage().arrayBuffers;
    };
    const handshakes = Array.from({ length: 200 }, () => new QuicClient());
    const before = held();
    for (const handshake of handshakes) for (let i = 0; i < 5; i++) handshake.add(packet);
    // What is garbage by now is not always collected at once.
    await expect.poll(() => held() - before, { timeout: 10_000 }).toBeLessThan(8_000_000);
    expect(handshakes).toHaveLength(200);
  });
});

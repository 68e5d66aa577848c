import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TcpStream } from "../../src/service/tcp-stream.ts";

const bytes = (text: string) => Buffer.from(text, "latin1");

function stream() {
  const read: (string | number)[] = [];
  const made = new TcpStream({
    data: (data) => read.push(Buffer.from(data).toString("latin1")),
    gap: (length) => read.push(length),
  });
  return { read, made, take: (at: number, text: string) => made.segment(at >>> 0, bytes(text), text.length) };
}

describe("a TCP stream", () => {
  it("gives each byte once, in order, whatever order and overlap segments have", () => {
    const { read, made, take } = stream();
    made.begin(99);
    take(103, "def");
    take(100, "abc");
    take(101, "bcdefgh");
    expect(read.join("")).toBe("abcdefgh");
  });

  it("goes on where sequence numbers begin anew", () => {
    const { read, made, take } = stream();
    made.begin(0xffff_fffd);
    take(0xffff_fffe, "ab");
    take(0, "cd");
    expect(read.join("")).toBe("abcd");
  });

  it("takes for a gap what was acknowledged and never seen, and what the snaplen cut", () => {
    const { read, made, take } = stream();
    made.begin(99);
    take(100, "ab");
    take(105, "fg");
    made.acknowledged(107);
    made.segment(107, bytes("h"), 4);
    expect(read).toEqual(["ab", 3, "fg", "h", 3]);
  });

  it("does not take a FIN for a byte, nor an acknowledgement from far away", () => {
    const { read, made, take } = stream();
    made.begin(99);
    take(100, "ab");
    made.acknowledged(103);
    made.acknowledged(0x9000_0000);
    expect(read).toEqual(["ab"]);
  });

  it("says when more waits behind a hole than is kept", () => {
    const { made } = stream();
    made.begin(0);
    const segment = Buffer.alloc(60_000);
    const taken = Array.from({ length: 30 }, (_, i) => made.segment(100 + i * 60_000, segment, segment.length));
    expect(taken.indexOf(false)).toBe(17);
  });

  it("puts any shuffled cuts of a text together", () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, maxLength: 60 }),
        fc.array(fc.tuple(fc.nat(59), fc.nat(20))),
        (text, cuts) => {
          const { read, made, take } = stream();
          const plain = Buffer.from(text, "latin1").toString("latin1");
          made.begin(0xffff_fff0);
          for (const [from, length] of cuts) {
            const part = plain.slice(from, from + length);
            if (part) take(0xffff_fff1 + from, part);
          }
          take(0xffff_fff1, plain);
          expect(read.join("")).toBe(plain);
        },
      ),
    );
  });
});

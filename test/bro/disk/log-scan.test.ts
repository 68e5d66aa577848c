import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { scanFor } from "../../../src/bro/disk/log-scan.ts";

async function damageOf(text: string, sizes: readonly number[]): Promise<string | null | undefined> {
  const scan = scanFor("conn.log")!;
  const bytes = Buffer.from(text, "latin1");
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length]!;
    await scan.feed(bytes.subarray(at, at + size));
    at += size;
  }
  return (await scan.end())?.damage;
}

describe("what a scan says of NUL bytes in a log", () => {
  it("is how many holes there are, how large they are together, and what is missing at the end", async () => {
    const text = `#separator \\x09\n#close\nrow\n${"\0".repeat(10)}row\n${"\0".repeat(5)}row\n${"\0".repeat(7)}`;
    expect(await damageOf(text, [text.length])).toBe(
      "7 NUL bytes at the end: the last blocks were not written yet; NUL bytes inside: 2 holes, 15 bytes: blocks that were not written yet",
    );
  });

  it("is the same however the log is cut into chunks, and whether holes come as bytes or as holes", async () => {
    const piece = fc.oneof(
      fc.constant("row\n"),
      fc.integer({ min: 1, max: 9 }).map((n) => "\0".repeat(n)),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 8 }),
        async (pieces, sizes) => {
          const text = `#separator \\x09\n${pieces.join("")}`;
          const holes = text.match(/\0+(?!\0|$)/g) ?? [];
          const bytes = holes.reduce((sum, hole) => sum + hole.length, 0);
          const said = (await damageOf(text, sizes)) ?? "";
          const [, count = "0", size = "0"] = /inside: (\d+) holes?, (\d+) bytes/.exec(said) ?? [];
          expect([Number(count), Number(size)]).toEqual([holes.length, bytes]);
          const scan = scanFor("conn.log")!;
          for (const part of text.match(/\0+|[^\0]+/g) ?? []) {
            if (part[0] === "\0") scan.zeros(part.length);
            else await scan.feed(Buffer.from(part));
          }
          expect(/inside: .*? bytes/.exec((await scan.end())?.damage ?? "")?.[0]).toBe(
            /inside: .*? bytes/.exec(said)?.[0],
          );
        },
      ),
    );
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JsonStream } from "../../src/mirror/ovsdb/json-stream.ts";

function parse(chunks: readonly Buffer[], limit?: number): unknown[] {
  const values: unknown[] = [];
  const stream = new JsonStream((value) => values.push(value), limit);
  for (const chunk of chunks) stream.push(chunk);
  return values;
}

const message = fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.jsonValue()));

describe("JsonStream", () => {
  it("finds the messages however the stream is cut", () => {
    fc.assert(
      fc.property(
        fc.array(message),
        fc.array(fc.nat(40)),
        fc.constantFrom("", "\n", " \t\r\n"),
        (messages, cuts, gap) => {
          const wire = Buffer.from(messages.map((value) => JSON.stringify(value)).join(gap));
          const chunks: Buffer[] = [];
          let at = 0;
          for (const cut of cuts) chunks.push(wire.subarray(at, (at += cut)));
          chunks.push(wire.subarray(at));
          expect(parse(chunks)).toEqual(messages.map((value) => JSON.parse(JSON.stringify(value))));
        },
      ),
    );
  });

  it("finds them one byte at a time, with brackets, quotes and backslashes in strings", () => {
    const messages = [{ a: 'x}]"\\' }, ["[", "\\\\"], { é: "→ \u{1f600}" }];
    const wire = Buffer.from(messages.map((value) => JSON.stringify(value)).join(""));
    expect(parse([...wire].map((byte) => Buffer.of(byte)))).toEqual(messages);
  });

  it("throws nothing but its own error, whatever the bytes are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          parse([Buffer.from(bytes)]);
        } catch (error) {
          expect(error).toMatchObject({ code: "E_OVSDB_PROTOCOL" });
        }
      }),
    );
  });

  it("says what it got from a server that speaks something else", () => {
    expect(() => parse([Buffer.from("SSH-2.0-OpenSSH")])).toThrow("byte 0x53 where a message should begin");
    expect(() => parse([Buffer.from("{nonsense}")])).toThrow("a message that is no JSON: {nonsense}");
  });

  it("gives up on a message that does not end, before it fills the memory", () => {
    const part = Buffer.from(`["${"x".repeat(100)}`);
    expect(() => parse([part, part, part], 250)).toThrow("a message of more than 250 bytes");
  });
});

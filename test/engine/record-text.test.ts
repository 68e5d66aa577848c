import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatIpv6 } from "../../src/core/address.ts";
import { Probe } from "./probe.ts";

const probe = new Probe();
const textOf = (name: string, ...values: (number | bigint)[]) => probe.text(probe.call(name, ...values));
const address = (...words: number[]) => Buffer.concat(words.map((word) => hex(word.toString(16).padStart(8, "0"))));
const hex = (text: string) => Buffer.from(text, "hex");

describe("numbers", () => {
  it("are written as JavaScript writes them", () => {
    for (let power = 1n; power < 2n ** 53n; power *= 10n) {
      for (const value of [power - 1n, power, power + 1n]) expect(textOf("probeInteger", value)).toBe(String(value));
    }
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
        expect(textOf("probeInteger", value)).toBe(String(value));
      }),
    );
  });

  it("keep leading zeros where a number of digits is asked for", () => {
    fc.assert(
      fc.property(fc.nat(999_999), (value) => {
        expect(textOf("probePadded", value, 6)).toBe(String(value).padStart(6, "0"));
        expect(textOf("probePadded", value, 9)).toBe(String(value).padStart(9, "0"));
      }),
    );
  });
});

describe("addresses", () => {
  it.each([
    ["10.0.0.1", "0a000001"],
    ["255.255.255.255", "ffffffff"],
    ["99.100.9.10", "6364090a"],
  ])("IPv4 %s", (text, bytes) => {
    expect(textOf("probeIpv4", probe.put(hex(bytes)))).toBe(text);
  });

  it.each([
    ["::", "00000000000000000000000000000000"],
    ["::1", "00000000000000000000000000000001"],
    ["2001:db8::", "20010db8000000000000000000000000"],
    ["2001:db8::1:0:0:1", "20010db8000000000001000000000001"],
    ["2001:0:0:1::1", "20010000000000010000000000000001"],
    ["2001:db8:0:1:1:1:1:1", "20010db8000000010001000100010001"],
    ["::ffff:192.0.2.1", "00000000000000000000ffffc0000201"],
    ["fe80::200:ff:fe00:1", "fe80000000000000020000fffe000001"],
  ])("IPv6 %s", (text, bytes) => {
    expect(textOf("probeIpv6", probe.put(hex(bytes)))).toBe(text);
  });

  it("of any kind are written as RFC 5952 wants it", () => {
    const word = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffffffff }), fc.constantFrom(1, 0xffff, 0x10000));
    fc.assert(
      fc.property(fc.tuple(word, word, word, word), (words) => {
        expect(textOf("probeIpv6", probe.put(address(...words)))).toBe(formatIpv6(...words));
      }),
    );
  });

  it("of the link layer", () => {
    expect(textOf("probeMac", probe.put(hex("525400123abc")))).toBe("52:54:00:12:3a:bc");
  });

  it.each([
    ["0a010203", true],
    ["ac1fffff", true],
    ["ac200000", false],
    ["08080808", false],
    ["c0a80001", true],
    ["e00000fb", true],
    ["e0000100", false],
    ["00000000", true],
    ["ffffffff", true],
  ])("IPv4 %s is local: %s", (bytes, local) => {
    expect(probe.call("probeIsLocal", probe.put(hex(bytes)), 0)).toBe(Number(local));
  });

  it.each([
    ["fe80000000000000020000fffe000001", true],
    ["fd000000000000000000000000000001", true],
    ["00000000000000000000000000000001", true],
    ["00000000000000000000000000000002", false],
    ["20010db8000000000000000000000001", true],
    ["20020a000001000000000000000000aa", true],
    ["2606470000000000000000000000aaaa", false],
  ])("IPv6 %s is local: %s", (bytes, local) => {
    expect(probe.call("probeIsLocal", probe.put(hex(bytes)), 1)).toBe(Number(local));
  });
});

describe("text from packets", () => {
  const JSON_LINES = 0;
  const CSV = 1;
  const escaped = (format: number, bytes: Uint8Array) => textOf("probeEscaped", format, probe.put(bytes), bytes.length);
  /** What the bytes are as text: UTF-8, and what is not, as `\\xNN`. */
  const readable = (bytes: Uint8Array): string => {
    const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    let text = "";
    for (let i = 0; i < bytes.length; ) {
      const size = [1, 2, 3, 4].find((length) => {
        try {
          return i + length <= bytes.length && [...strict.decode(bytes.subarray(i, i + length))].length === 1;
        } catch {
          return false;
        }
      });
      text += size ? strict.decode(bytes.subarray(i, i + size)) : `\\x${bytes[i]!.toString(16).padStart(2, "0")}`;
      i += size ?? 1;
    }
    return text;
  };
  const anyBytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.string({ unit: "binary", maxLength: 12 }).map((value) => new Uint8Array(Buffer.from(value))),
  );

  it("comes back from JSON as it was: UTF-8 as it is, any other byte as \\xNN", () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const text = escaped(JSON_LINES, bytes);
        expect(JSON.parse(`"${text}"`)).toBe(readable(bytes));
        // Nothing steers a terminal, or breaks a line.
        expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/);
      }),
      { numRuns: 2000 },
    );
  });

  it("is written in JSON as JSON.stringify does, where it is ASCII without DEL", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(126), { maxLength: 40 }), (bytes) => {
        const text = Buffer.from(bytes);
        expect(`"${escaped(JSON_LINES, text)}"`).toBe(JSON.stringify(text.toString("latin1")));
      }),
    );
  });

  it("keeps umlauts, escapes DEL, C1 and what turns the direction of text", () => {
    expect(escaped(JSON_LINES, Buffer.from("B\u00fcro-Drucker.local"))).toBe("B\u00fcro-Drucker.local");
    expect(escaped(JSON_LINES, Buffer.from("a\x7f\u009b31m\u202eb"))).toBe("a\\u007f\\u009b31m\\u202eb");
    expect(escaped(JSON_LINES, Buffer.from("4142ff00", "hex"))).toBe("AB\\\\xff\\u0000");
  });

  it("is quoted in CSV where it has to be", () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const text = readable(bytes);
        const expected = /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
        expect(escaped(CSV, bytes)).toBe(expected);
      }),
    );
    expect(escaped(CSV, Buffer.from('a"b,c'))).toBe('"a""b,c"');
  });
});

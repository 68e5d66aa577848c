import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sanitize, sanitizeBytes, shellQuote } from "../../src/core/text.ts";

describe("sanitize", () => {
  it("leaves printable text of any script as it is", () => {
    expect(sanitize("conn.log – 接続 ñ 🙂")).toBe("conn.log – 接続 ñ 🙂");
  });

  it("shows what would act on a terminal", () => {
    expect(sanitize("\u001b[31mred\u009b0m\r\n\u0000\u007f")).toBe("\\x1b[31mred\\x9b0m\\x0d\\x0a\\x00\\x7f");
    expect(sanitize("evil\u202etxt.exe\u2066\ufeff\u2028")).toBe("evil\\u{202e}txt.exe\\u{2066}\\u{feff}\\u{2028}");
    expect(sanitize("half \ud83d of a pair")).toBe("half \\u{d83d} of a pair");
  });

  it("lets no control, bidi or format character through, whatever the text", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary" }),
        (text) => !/\p{Cc}|\p{Bidi_Control}|\u2028|\u2029/u.test(sanitize(text)),
      ),
    );
  });
});

describe("sanitizeBytes", () => {
  it("reads UTF-8, and shows each byte of what is not", () => {
    expect(sanitizeBytes(Buffer.from("caf\u00e9"))).toBe("caf\u00e9");
    expect(sanitizeBytes(Buffer.from([0x61, 0xff, 0xfe, 0x0a]))).toBe("a\\xff\\xfe\\x0a");
  });
});

describe("shellQuote", () => {
  it("gives a line that a shell splits back into the same words", () => {
    expect(shellQuote(["ovs-vsctl", "--", "--id=@m", "create", "a b", "it's", ""])).toBe(
      "ovs-vsctl -- --id=@m create 'a b' 'it'\\''s' ''",
    );
  });
});

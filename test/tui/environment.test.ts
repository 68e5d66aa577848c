import { describe, expect, it } from "vitest";
import { ASCII, UNICODE } from "../../src/tui/format.ts";
import { glyphsOf, hasColor, refusal, terminalName } from "../../src/tui/terminal/environment.ts";

describe("the terminal as the environment says it is", () => {
  it("is refused where it can do no more than text", () => {
    for (const TERM of ["", "dumb", "unknown", undefined]) expect(refusal({ TERM })).not.toBeNull();
    for (const TERM of ["xterm", "linux", "vt100", "tmux-256color"]) expect(refusal({ TERM })).toBeNull();
  });

  it("is one of three that blessed knows", () => {
    const names = {
      "xterm-256color": [
        "screen-256color",
        "tmux-256color",
        "xterm-kitty",
        "alacritty",
        "xterm-ghostty",
        "tmux",
        "screen",
      ],
      xterm: ["xterm", "vt100", "rxvt", "weird", "../../etc/passwd"],
      linux: ["linux"],
    };
    for (const [name, terms] of Object.entries(names)) {
      for (const TERM of terms) expect(terminalName({ TERM }), TERM).toBe(name);
    }
    expect(terminalName({ TERM: "xterm", COLORTERM: "truecolor" })).toBe("xterm-256color");
  });

  it("gets lines and bars only in a UTF-8 locale, as POSIX ranks the variables", () => {
    expect(glyphsOf({ LANG: "de_DE.UTF-8", TERM: "xterm" })).toBe(UNICODE);
    expect(glyphsOf({ LANG: "C.utf8", TERM: "xterm" })).toBe(UNICODE);
    expect(glyphsOf({ LC_ALL: "C", LANG: "de_DE.UTF-8", TERM: "xterm" })).toBe(ASCII);
    expect(glyphsOf({ LC_ALL: "", LC_CTYPE: "en_US.UTF-8", LANG: "C", TERM: "xterm" })).toBe(UNICODE);
    expect(glyphsOf({ TERM: "xterm" })).toBe(ASCII);
    expect(glyphsOf({ LANG: "C.UTF-8", TERM: "linux" })).toBe(ASCII);
  });

  it("gets no colour where there is none", () => {
    expect(hasColor({ TERM: "vt100" })).toBe(false);
    expect(hasColor({ TERM: "xterm-mono" })).toBe(false);
    expect(hasColor({ TERM: "xterm" })).toBe(true);
  });
});

/**
 * What the environment says about the terminal. blessed knows few terminals and fails on the entries of current ncurses,
 * so it is always told one of three names that it handles well.
 */
import { ASCII, type Glyphs, UNICODE } from "../format.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Why there can be no terminal UI, or null. */
export function refusal(env: Environment): string | null {
  if (env.TERM === undefined || env.TERM === "") return "TERM is not set";
  if (env.TERM === "dumb" || env.TERM === "unknown") return `TERM is ${env.TERM}`;
  return null;
}

/** The terminal blessed is told to drive. */
export function terminalName(env: Environment): "xterm-256color" | "xterm" | "linux" {
  const term = env.TERM ?? "";
  if (term === "linux") return "linux";
  const rich = /256|direct|kitty|alacritty|ghostty|wezterm|foot|tmux|screen/.test(term);
  return rich || /truecolor|24bit|256/.test(env.COLORTERM ?? "") ? "xterm-256color" : "xterm";
}

/** Line-drawing and bars where the locale is UTF-8; the Linux console has not got the glyphs. */
export function glyphsOf(env: Environment): Glyphs {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || "";
  return /utf-?8/i.test(locale) && env.TERM !== "linux" ? UNICODE : ASCII;
}

/** Terminals that draw in one colour only. */
export function hasColor(env: Environment): boolean {
  return !/^vt[0-9]|-m(ono)?$/.test(env.TERM ?? "");
}

/** The look of each style as SGR parameters (ECMA-48 §8.3.117): eight colours and bold, or no colour at all. */
import type { Line, Style } from "../styled.ts";

export type ThemeName = "dark" | "light" | "mono";

/** Selection and heading differ in kind, not only in colour: inverse, and underlined. */
const COMMON = { plain: "", title: "1", heading: "1;4", selected: "7", marked: "1;4" } as const;

export const THEMES: Readonly<Record<ThemeName, Readonly<Record<Style, string>>>> = {
  dark: { ...COMMON, label: "36", dim: "90", good: "32", warn: "33;1", bad: "31;1", key: "1;36" },
  // Yellow, cyan and green are too pale on white.
  light: { ...COMMON, label: "34", dim: "90", good: "1;34", warn: "35;1", bad: "31;1", key: "1;34" },
  mono: { ...COMMON, label: "", dim: "", good: "", warn: "1", bad: "1", key: "1" },
};

/** Lines as text with SGR sequences. */
export function paint(lines: readonly Line[], name: ThemeName): string {
  const theme = THEMES[name];
  return lines
    .map((line) =>
      line.map(({ text, style }) => (theme[style] === "" ? text : `\x1b[${theme[style]}m${text}\x1b[0m`)).join(""),
    )
    .join("\n");
}

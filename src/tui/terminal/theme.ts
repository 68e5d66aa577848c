/** The look of each style as SGR parameters (ECMA-48 §8.3.117): eight colours and bold, or no colour at all. */
import type { Line, Style } from "../styled.ts";

const COLOR: Record<Style, string> = {
  plain: "",
  title: "1",
  label: "36",
  heading: "1;7",
  dim: "90",
  good: "32",
  warn: "33;1",
  bad: "31;1",
  selected: "7",
  key: "1;36",
};

const MONO: Record<Style, string> = {
  plain: "",
  title: "1",
  label: "",
  heading: "1;7",
  dim: "",
  good: "",
  warn: "1",
  bad: "1",
  selected: "7",
  key: "1",
};

/** Lines as text with SGR sequences. */
export function paint(lines: readonly Line[], color: boolean): string {
  const theme = color ? COLOR : MONO;
  return lines
    .map((line) =>
      line.map(({ text, style }) => (theme[style] === "" ? text : `\x1b[${theme[style]}m${text}\x1b[0m`)).join(""),
    )
    .join("\n");
}

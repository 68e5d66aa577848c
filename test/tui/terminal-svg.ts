/** A terminal's cells as an SVG picture: runs of like cells, each placed by its column and given its exact width, so that no font is needed. */
import type xterm from "@xterm/headless";

const CELL = { width: 8, height: 17 };
const MARGIN = 10;
/** xterm's 16 colours, those of a dark background. */
const PALETTE = [
  ...["#1c1c1c", "#cd3131", "#0dbc79", "#e5e510", "#4a90e2", "#bc3fbc", "#11a8cd", "#d0d0d0"],
  ...["#808080", "#f14c4c", "#23d18b", "#f5f543", "#6bb3ff", "#d670d6", "#29b8db", "#ffffff"],
];
const INK = "#d0d0d0";
const PAPER = "#1c1c1c";

interface Look {
  readonly ink: string;
  readonly paper: string;
  readonly bold: boolean;
  readonly underline: boolean;
}

export function terminalSvg(terminal: xterm.Terminal, title: string): string {
  const { cols, rows } = terminal;
  const width = cols * CELL.width + 2 * MARGIN;
  const height = rows * CELL.height + 2 * MARGIN;
  const body: string[] = [];
  for (let row = 0; row < rows; row++) {
    for (const { text, at, look } of runsOf(terminal, row)) {
      const x = MARGIN + at * CELL.width;
      const y = MARGIN + row * CELL.height;
      const wide = text.length * CELL.width;
      if (look.paper !== PAPER) {
        body.push(`<rect x="${x}" y="${y}" width="${wide}" height="${CELL.height}" fill="${look.paper}"/>`);
      }
      if (text.trim() === "") continue;
      const style = `${look.bold ? ' font-weight="bold"' : ""}${look.underline ? ' text-decoration="underline"' : ""}`;
      const place = `x="${x}" y="${y + 13}" textLength="${wide}" lengthAdjust="spacingAndGlyphs"`;
      body.push(`<text ${place} fill="${look.ink}"${style}>${quoted(text)}</text>`);
    }
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="monospace" font-size="13" xml:space="preserve" role="img" aria-label="${quoted(title)}">
<rect width="${width}" height="${height}" rx="6" fill="${PAPER}"/>
${body.join("\n")}
</svg>
`;
}

function runsOf(terminal: xterm.Terminal, row: number): { text: string; at: number; look: Look }[] {
  const line = terminal.buffer.active.getLine(row)!;
  const runs: { text: string; at: number; look: Look }[] = [];
  for (let at = 0; at < terminal.cols; at++) {
    const cell = line.getCell(at)!;
    const inverse = cell.isInverse() !== 0;
    const color = (isDefault: boolean, value: number, otherwise: string): string =>
      isDefault ? otherwise : (PALETTE[value] ?? otherwise);
    const ink = color(cell.isFgDefault(), cell.getFgColor(), INK);
    const paper = color(cell.isBgDefault(), cell.getBgColor(), PAPER);
    const look = {
      ...(inverse ? { ink: paper, paper: ink } : { ink, paper }),
      bold: cell.isBold() !== 0,
      underline: cell.isUnderline() !== 0,
    };
    const text = cell.getChars() || " ";
    const last = runs.at(-1);
    if (last && sameLook(last.look, look)) last.text += text;
    else runs.push({ text, at, look });
  }
  return runs;
}

function sameLook(a: Look, b: Look): boolean {
  return a.ink === b.ink && a.paper === b.paper && a.bold === b.bold && a.underline === b.underline;
}

function quoted(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}

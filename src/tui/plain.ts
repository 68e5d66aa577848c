/** The flow table as plain text, for pipes, logs and terminals that cannot do more. */
import type { Snapshot, SortKey } from "../capture/live/snapshot.ts";
import { formatBitRate, formatScaled } from "../core/units.ts";
import type { MirrorStatus } from "../mirror/status.ts";
import { DEFAULT_COLUMNS, grownWidths, placeColumns } from "./columns.ts";
import { clock, commas, type Glyphs } from "./format.ts";
import { cellsOf, headingOf } from "./views/flows.ts";
import { nextCount, verdictText } from "./views/header.ts";

/** Without what only makes sense on a screen that moves. */
const COLUMNS = DEFAULT_COLUMNS.filter((id) => id !== "trend" && id !== "start");

/** One interval: a line of totals, the heading, a line a flow, and an empty line. */
export function renderPlain(
  snapshot: Snapshot,
  strip: MirrorStatus | null,
  sort: SortKey,
  cols: number,
  glyphs: Glyphs,
): string[] {
  const lines = [totals(snapshot, strip)];
  const rows = snapshot.flows?.rows ?? [];
  if (rows.length > 0) {
    const context = { glyphs, learnedNames: true };
    const placed = placeColumns(cols, COLUMNS, grownWidths({}, rows, context));
    lines.push(headingOf(placed, sort, true, glyphs).trimEnd());
    for (const row of rows) lines.push(cellsOf(row, placed, context).trimEnd());
    const more = snapshot.held - rows.length;
    if (more > 0) lines.push(`(${commas(more)} more flows)`);
  }
  return [...lines, ""];
}

function totals(snapshot: Snapshot, strip: MirrorStatus | null): string {
  const { drops } = snapshot;
  const parts = [
    clock(snapshot.elapsedMs),
    `${commas(snapshot.packets)} packets`,
    `${formatScaled(snapshot.bytes)}B`,
    `${commas(snapshot.held)} ${snapshot.held === 1 ? "flow" : "flows"}`,
    `${formatScaled(Math.round(snapshot.packetsPerSec))} pkt/s`,
    formatBitRate(Math.round(snapshot.bitsPerSec)),
  ];
  if (drops) parts.push(`${commas(drops.kernel + drops.interface)} dropped`);
  if (strip)
    parts.push(
      `mirrored ${strip.mirrored === null ? "-" : commas(strip.mirrored)} ${verdictText(strip)}${strip.verdict === "WAIT" ? ` (${nextCount(strip)})` : ""}`,
    );
  return parts.join("  ");
}

/** The flow table as plain text, for pipes, logs and terminals that cannot do more. */
import type { Snapshot, SortKey } from "../capture/live/snapshot.ts";
import { formatBitRate, formatScaled } from "../core/units.ts";
import { placeColumns } from "./columns.ts";
import { clock, commas, type Glyphs } from "./format.ts";
import type { MirrorStrip } from "./model.ts";
import { cellsOf, headingOf } from "./views/flows.ts";

/** One interval: a line of totals, the heading, a line a flow, and an empty line. */
export function renderPlain(
  snapshot: Snapshot,
  strip: MirrorStrip | null,
  sort: SortKey,
  cols: number,
  glyphs: Glyphs,
): string[] {
  const lines = [totals(snapshot, strip)];
  if (snapshot.rows.length > 0) {
    const placed = placeColumns(cols, snapshot.rows, glyphs);
    lines.push(headingOf(placed, sort, true, glyphs).trimEnd());
    for (const row of snapshot.rows) lines.push(cellsOf(row, placed, glyphs).trimEnd());
    const more = snapshot.flows - snapshot.rows.length;
    if (more > 0) lines.push(`(${commas(more)} more flows)`);
  }
  return [...lines, ""];
}

function totals(snapshot: Snapshot, strip: MirrorStrip | null): string {
  const { drops } = snapshot;
  const parts = [
    clock(snapshot.elapsedMs),
    `${commas(snapshot.packets)} packets`,
    `${formatScaled(snapshot.bytes)}B`,
    `${commas(snapshot.flows)} ${snapshot.flows === 1 ? "flow" : "flows"}`,
    `${formatScaled(Math.round(snapshot.packetsPerSec))} pkt/s`,
    formatBitRate(Math.round(snapshot.bitsPerSec)),
  ];
  if (drops) parts.push(`${commas(drops.kernel + drops.interface)} dropped`);
  if (strip) {
    const mirrored = strip.mirrored === null ? "-" : commas(strip.mirrored);
    parts.push(`mirrored ${mirrored} ${strip.verdict}${strip.verdict === "LOSS" ? ` ${commas(strip.lost)}` : ""}`);
  }
  return parts.join("  ");
}

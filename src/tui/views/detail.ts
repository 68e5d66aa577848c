/** The detail pane: everything known of the flow under the cursor. */
import { formatBitRate } from "../../core/units.ts";
import { cells, commas, endpoint, type Glyphs, shortDuration } from "../format.ts";
import { layoutOf } from "../layout.ts";
import type { Model } from "../model.ts";
import { type Line, lineOf, type Span, span } from "../styled.ts";

/** `detailRows` lines, none when it is closed. */
export function renderDetail(model: Model, glyphs: Glyphs): Line[] {
  const { cols } = model.size;
  const { detailRows } = layoutOf(model);
  if (detailRows === 0) return [];
  const row = model.snapshot?.selected?.row;
  const lines: Span[][] = [];
  if (!row) {
    lines.push([span(" this flow is no longer held", "dim")]);
  } else {
    const text = (value: string): string => cells(value, glyphs);
    const way = (label: string, packets: number, bytes: number): Span[] => [
      span(` ${label} `, "label"),
      span(`${commas(packets).padStart(15)} packets ${commas(bytes).padStart(19)} bytes`),
    ];
    const first = new Date(row.firstMs).toISOString().replace("T", " ").replace("Z", " UTC");
    lines.push(
      [
        span(` ${text(row.proto)} `, "label"),
        span(text(`${endpoint(row.origAddress, row.origPort)} `)),
        span(glyphs.arrow, "dim"),
        span(text(` ${endpoint(row.respAddress, row.respPort)}`)),
      ],
      way(`orig ${glyphs.arrow}`, row.origPackets, row.origBytes),
      way(`resp ${glyphs.back}`, row.respPackets, row.respBytes),
      [
        span(" state ", "label"),
        span(text(row.state)),
        span("  history ", "label"),
        span(text(row.history || "-")),
        span("  app ", "label"),
        span(text(row.app || "-")),
        span("  vlan ", "label"),
        span(row.vlans.join(",") || "-"),
        ...(row.serverName === "" ? [] : [span("  name ", "label"), span(text(row.serverName))]),
      ],
      [
        span(" first ", "label"),
        span(first),
        span("  duration ", "label"),
        span(shortDuration(row.durationMs)),
        span("  rate ", "label"),
        span(formatBitRate(Math.round(row.rateBps))),
      ],
    );
  }
  const title = `${glyphs.rule}${glyphs.rule} flow (Esc closes) `;
  const rule = lineOf(cols, [span(title + glyphs.rule.repeat(Math.max(0, cols - title.length)), "dim")]);
  return [rule, ...Array.from({ length: detailRows - 1 }, (_, index) => lineOf(cols, lines[index] ?? []))];
}

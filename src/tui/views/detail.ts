/** The detail pane: everything known of the pinned flow. */
import type { FlowDetail, FlowRow } from "../../capture/live/snapshot.ts";
import { formatBitRate, formatScaled } from "../../core/units.ts";
import { cells, commas, endpoint, type Glyphs, latency, localTime, shortDuration, sparkline } from "../format.ts";
import { historyInWords, stateInWords } from "../history-words.ts";
import { layoutOf } from "../layout.ts";
import type { Model } from "../model.ts";
import { type Line, lineOf, type Span, span } from "../styled.ts";

const RTT_KINDS = { tcp: "handshake", dns: "DNS", ntp: "NTP", echo: "echo" } as const;

/** `detailRows` lines, none when it is closed: what matters most comes first. */
export function renderDetail(model: Model, glyphs: Glyphs): Line[] {
  const { cols } = model.size;
  const { detailRows } = layoutOf(model);
  if (detailRows === 0) return [];
  const pinned = model.snapshot?.flows?.pinned;
  const row = pinned?.row ?? waiting(model);
  const lines = row
    ? linesOf(row, pinned?.detail ?? null, glyphs, cols)
    : [[span(" this flow is no longer held", "dim")]];
  const title = `${glyphs.rule}${glyphs.rule} flow (Esc closes) `;
  const rule = lineOf(cols, [span(title + glyphs.rule.repeat(Math.max(0, cols - title.length)), "dim")]);
  return [rule, ...Array.from({ length: detailRows - 1 }, (_, index) => lineOf(cols, lines[index] ?? []))];
}

const FLAGS = "FSRPAUEC";

/** TCP control bits of both sides: `FSPA / SPA`. */
function flagsOf({ origFlags, respFlags }: FlowDetail): string {
  const letters = (flags: number): string =>
    Array.from(FLAGS)
      .filter((_, bit) => (flags & (1 << bit)) !== 0)
      .join("");
  return origFlags === 0 && respFlags === 0 ? "" : `${letters(origFlags) || "-"} / ${letters(respFlags) || "-"}`;
}

/** The row under the cursor while its detail is on its way. */
function waiting({ snapshot, flows }: Model): FlowRow | undefined {
  return snapshot?.flows?.rows.find(({ id }) => id === flows.pin?.id);
}

function linesOf(row: FlowRow, detail: FlowDetail | null, glyphs: Glyphs, cols: number): Span[][] {
  const text = (value: string): string => cells(value, glyphs);
  const pairs = (...values: (readonly [label: string, value: string] | null)[]): Span[] =>
    values.flatMap((pair) =>
      pair === null || pair[1] === "" ? [] : [span(` ${pair[0]} `, "label"), span(`${text(pair[1])} `)],
    );
  const name = row.serverName || (row.learnedName === "" ? "" : `~${row.learnedName}`);
  const way = (
    label: string,
    packets: number,
    bytes: number,
    payload: number | undefined,
    mac: string | undefined,
  ): Span[] => [
    span(` ${label} `, "label"),
    span(`${commas(packets).padStart(11)} packets ${commas(bytes).padStart(15)} bytes`),
    ...(payload === undefined ? [] : [span(`  payload ${formatScaled(payload, "B").padEnd(6)}`)]),
    ...(mac ? [span(`  ${mac}`, "dim")] : []),
  ];
  const trend = (label: string, values: readonly number[] | undefined): Span[] => {
    const peak = (values ?? []).reduce((most, value) => Math.max(most, value), 0);
    return [
      span(` ${label} `, "label"),
      span(sparkline(values ?? [], Math.min(60, cols - 30), glyphs), "good"),
      span(`  60s, peak ${formatBitRate(Math.round(peak))}`, "dim"),
    ];
  };
  return [
    [
      span(` ${text(row.proto)} `, "label"),
      span(text(endpoint(row.origAddress, row.origPort)), "title"),
      span(` ${glyphs.arrow} `, "dim"),
      span(text(endpoint(row.respAddress, row.respPort)), "title"),
      ...pairs(["app", `${row.app || "-"}${row.appGuessed ? "?" : ""}`], ["name", name]),
    ],
    way(`orig ${glyphs.arrow}`, row.origPackets, row.origBytes, detail?.origPayload, detail?.origMac),
    way(`resp ${glyphs.back}`, row.respPackets, row.respBytes, detail?.respPayload, detail?.respMac),
    pairs(
      ["state", `${row.state} ${stateInWords(row.state, row.proto)}`],
      ["rtt", row.rttMs === null ? "" : `${latency(row.rttMs)} (${RTT_KINDS[row.rttKind!]})`],
      ["sent again", row.retransmits ? commas(row.retransmits) : ""],
      ["out of order", row.outOfOrder ? commas(row.outOfOrder) : ""],
      ["zero window", row.zeroWindows ? commas(row.zeroWindows) : ""],
      ["never seen", row.missed > 0 ? `${commas(row.missed)} bytes` : ""],
      ["vlan", row.vlans.join(".")],
    ),
    pairs(["history", row.history === "" ? "" : `${row.history}: ${historyInWords(row.history)}`]),
    pairs(
      ["first", localTime(row.firstMs)],
      ["duration", shortDuration(row.durationMs)],
      ["rate", formatBitRate(Math.round(row.rateBps))],
      ["ended", row.ended ? detail?.closeReason || "yes" : ""],
    ),
    ...(detail?.logRows
      ? detail.logRows.map((line) => [span(` ${text(line)}`)])
      : [trend(`${glyphs.arrow}`, detail?.origTrend), trend(`${glyphs.back}`, detail?.respTrend)]),
    pairs(
      ["uid", detail?.uid ?? ""],
      ["community", detail?.communityId ?? ""],
      ["tunnel", detail?.tunnel ?? ""],
      ["bad checksums", detail?.badChecksums ? commas(detail.badChecksums) : ""],
      ["flags", detail ? flagsOf(detail) : ""],
      ["fragments", detail?.fragments ? commas(detail.fragments) : ""],
    ),
    [span(" p packets  W save  + - = filter  y Y copy as filter", "dim")],
  ];
}

/** Title line and strip: what is watched, whether all of it is seen, and how much there is. */
import type { Snapshot } from "../../capture/live/snapshot.ts";
import { formatBitRate, formatScaled } from "../../core/units.ts";
import { cells, clock, commas, type Glyphs, shortDuration, sparkline } from "../format.ts";
import { layoutOf } from "../layout.ts";
import type { MirrorStrip, Model } from "../model.ts";
import { type Line, lineOf, type Span, type Style, span } from "../styled.ts";

/** One title line and the strip of 1 or 3 lines. */
export function renderHeader(model: Model, glyphs: Glyphs): Line[] {
  const { cols } = model.size;
  const title = lineOf(cols, titleOf(model, glyphs), [span(`${wallClock(model.nowMs)} `, "dim")]);
  const { snapshot } = model;
  if (layoutOf(model).stripRows === 3) {
    return [
      title,
      lineOf(cols, [...mirrorOf(model, true, glyphs), ...lossOf(snapshot, true)]),
      lineOf(cols, countsOf(snapshot)),
      lineOf(cols, rateOf(snapshot, glyphs)),
    ];
  }
  const short = [...mirrorOf(model, false, glyphs), ...lossOf(snapshot, false), ...shortRateOf(snapshot)];
  return [title, lineOf(cols, short)];
}

function titleOf({ subject, snapshot, pausedMs, nowMs }: Model, glyphs: Glyphs): Line {
  const target = cells(subject.target, glyphs);
  const parts: Span[] = [span(" tapscope", "title"), span(" watch  "), span(target, "title"), span("  ")];
  if (pausedMs !== null) {
    parts.push(span(`PAUSED ${clock(nowMs - pausedMs)}`, "warn"), span(subject.live ? " (capture goes on)" : ""));
  } else if (!subject.live) {
    parts.push(span(snapshot?.state === "ended" ? "FILE" : "READING", "good"));
  } else {
    parts.push(
      snapshot?.state === "ended" ? span("ENDED", "warn") : span("LIVE", "good"),
      span(` ${clock(snapshot?.elapsedMs ?? 0)}`),
    );
  }
  if (subject.bpf !== null) parts.push(span("  bpf ", "label"), span(cells(subject.bpf, glyphs)));
  return parts;
}

const VERDICT_STYLE: Record<MirrorStrip["verdict"], Style> = {
  OK: "good",
  LOSS: "bad",
  WAIT: "dim",
  STALE: "warn",
  "NO TRAFFIC": "warn",
  "N/A": "dim",
};

function mirrorOf({ subject, strip, snapshot }: Model, long: boolean, glyphs: Glyphs): Span[] {
  if (!strip) {
    const captured = [span(" captured ", "label"), span(commas(snapshot?.packets ?? 0)), span("  ")];
    if (!subject.live || !long) return captured;
    return [
      span(" MIRROR", "label"),
      span(subject.mirrored ? "  asking OVS ..." : "  none ends here", "dim"),
      span("  "),
      ...captured,
    ];
  }
  const verdict = span(
    strip.verdict === "LOSS" ? `LOSS ${commas(strip.lost)}` : strip.verdict,
    VERDICT_STYLE[strip.verdict],
  );
  const age = strip.mirrored === null ? "" : ` (${shortDuration(strip.ageMs)}${long ? " ago" : ""})`;
  const counts = [
    span("  OVS ", "label"),
    span(strip.mirrored === null ? "-" : commas(strip.mirrored)),
    span(age, "dim"),
    span("  captured ", "label"),
    span(commas(strip.captured)),
    span("  "),
  ];
  if (!long) return [span(" "), verdict, ...counts];
  const reason = strip.reason === undefined ? [] : [span(`${cells(strip.reason, glyphs)}  `, "dim")];
  return [span(" MIRROR ", "label"), span(cells(strip.sources, glyphs)), ...counts, verdict, span("  "), ...reason];
}

function lossOf(snapshot: Snapshot | null, long: boolean): Span[] {
  if (!snapshot?.drops) return [];
  const { kernel, interface: byInterface } = snapshot.drops;
  if (long) {
    return [
      span("DROPS ", "label"),
      span(`kernel ${commas(kernel)}`, kernel > 0 ? "bad" : "plain"),
      span(`  interface ${commas(byInterface)}`, byInterface > 0 ? "bad" : "plain"),
    ];
  }
  const all = kernel + byInterface;
  return [span(`drops ${commas(all)}  `, all > 0 ? "bad" : "dim")];
}

function countsOf(snapshot: Snapshot | null): Span[] {
  if (!snapshot) return [];
  return [
    span(" SEEN   ", "label"),
    span(
      `${commas(snapshot.packets)} packets  ${formatScaled(snapshot.bytes, "B")}  ${commas(snapshot.flows)} ${snapshot.flows === 1 ? "flow" : "flows"}`,
    ),
    span(`  not IP ${commas(snapshot.notIp)}`, snapshot.notIp > 0 ? "plain" : "dim"),
    span(`  malformed ${commas(snapshot.malformed)}`, snapshot.malformed > 0 ? "warn" : "dim"),
  ];
}

function rateOf(snapshot: Snapshot | null, glyphs: Glyphs): Span[] {
  if (!snapshot) return [];
  return [
    span(" RATE   ", "label"),
    span(
      `${formatBitRate(Math.round(snapshot.bitsPerSec)).padEnd(8)} ${`${formatScaled(Math.round(snapshot.packetsPerSec))} pkt/s`.padEnd(11)}`,
    ),
    span(`  peak ${formatBitRate(Math.round(snapshot.peakBitsPerSec)).padEnd(8)}`, "dim"),
    span("  60s ", "dim"),
    span(sparkline(snapshot.rateHistory, 60, glyphs), "good"),
  ];
}

function shortRateOf(snapshot: Snapshot | null): Span[] {
  return snapshot
    ? [span(`${formatBitRate(Math.round(snapshot.bitsPerSec))} ${formatScaled(Math.round(snapshot.packetsPerSec))}pps`)]
    : [];
}

function wallClock(ms: number): string {
  const date = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

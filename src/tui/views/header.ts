/** Title line, tabs and strip, on top of every screen: what is watched, whether all of it is seen, and how much there is. */
import type { Snapshot } from "../../capture/live/snapshot.ts";
import { formatBitRate, formatScaled } from "../../core/units.ts";
import type { MirrorStatus, Verdict } from "../../mirror/status.ts";
import { cells, clock, commas, type Glyphs, shortDuration, sparkline, timeOfDay, toWidthMiddle } from "../format.ts";
import { layoutOf } from "../layout.ts";
import { type Model, SCREEN_IDS } from "../model.ts";
import { fitParts, type Line, lineOf, type Part, type Span, type Style, span } from "../styled.ts";

export const VERDICT_STYLES: Readonly<Record<Verdict, Style>> = {
  OK: "good",
  LOSS: "bad",
  WAIT: "dim",
  STALE: "warn",
  "NO TRAFFIC": "warn",
  "N/A": "dim",
  DELETED: "bad",
};

export function verdictText({ verdict, lost }: MirrorStatus): string {
  return verdict === "LOSS" ? `LOSS ${commas(lost)}` : verdict;
}

/** What is known while nothing can be compared: OVS's count so far, and when the next comes. */
export function waitingText(strip: MirrorStatus): string {
  return strip.mirrored === null ? `OVS: ${nextCount(strip)}` : `OVS ${commas(strip.mirrored)}, ${nextCount(strip)}`;
}

export function nextCount({ dueMs }: MirrorStatus): string {
  return `next count ${dueMs === null ? "within 5s" : `in ${Math.ceil(dueMs / 1000)}s`}`;
}

/** One title line, the tabs, and the strip of 1 or 3 lines. @param titles of the screens, in their order */
export function renderHeader(model: Model, titles: readonly string[], glyphs: Glyphs): Line[] {
  const { cols } = model.size;
  const title = lineOf(cols, fitParts(cols - 10, titleOf(model, glyphs)), [span(`${timeOfDay(model.nowMs)} `, "dim")]);
  const { snapshot } = model;
  const lines = [title, tabsOf(model, titles)];
  if (layoutOf(model).stripRows === 3) {
    lines.push(
      lineOf(cols, fitParts(cols, [...mirrorOf(model, true, glyphs), ...lossOf(snapshot, true)])),
      lineOf(cols, countsOf(snapshot)),
      lineOf(cols, rateOf(model, glyphs)),
    );
  } else {
    lines.push(
      lineOf(
        cols,
        fitParts(cols, [...mirrorOf(model, false, glyphs), ...lossOf(snapshot, false), ...shortRateOf(model)]),
      ),
    );
  }
  return lines;
}

function titleOf({ subject, snapshot, pausedMs, nowMs, size }: Model, glyphs: Glyphs): Part[] {
  const name = cells(subject.target, glyphs);
  // Both ends of a long path say more than its beginning.
  const most = Math.max(16, size.cols - 54);
  const target = name.length > most ? toWidthMiddle(name, most, glyphs) : name;
  const parts: Part[] = [
    { priority: 3, spans: [span(" tapscope", "title"), span(" watch ")] },
    { priority: 1, spans: [span(" "), span(target, "title"), span("  ")] },
  ];
  const state = (...spans: Span[]): void => void parts.push({ priority: 0, spans });
  const { reading } = snapshot ?? {};
  if (pausedMs !== null) {
    state(span(`PAUSED ${clock(nowMs - pausedMs)}`, "warn"), span(subject.live ? " (capture goes on)" : ""));
  } else if (!subject.live) {
    const progress = reading?.progress == null ? "" : ` ${Math.floor(reading.progress * 100)}%`;
    const speed = reading && reading.speed > 0 ? ` ${reading.speed}x ${clock(snapshot?.elapsedMs ?? 0)}` : "";
    if (snapshot?.state === "ended") state(span("FILE", "good"), span(` ${clock(snapshot.elapsedMs)}`));
    else if (reading?.paused) state(span("STANDS STILL", "warn"), span(speed));
    else if (speed !== "") state(span("PLAYING", "good"), span(speed));
    else state(span("READING", "good"), span(progress));
  } else {
    state(
      snapshot?.state === "ended" ? span("ENDED", "warn") : span("LIVE", "good"),
      span(` ${clock(snapshot?.elapsedMs ?? 0)}`),
    );
  }
  const bpf = snapshot?.bpf ?? null;
  if (bpf !== null) parts.push({ priority: 2, spans: [span("  bpf ", "label"), span(cells(bpf, glyphs))] });
  const recording = snapshot?.recording;
  if (recording) {
    parts.push({ priority: 0, spans: [span("  REC ", "bad"), span(`${commas(recording.packets)} pkts`)] });
  }
  return parts;
}

function tabsOf({ screen, size: { cols } }: Model, titles: readonly string[]): Line {
  const tabs = SCREEN_IDS.flatMap((id, index) => {
    const text = `${index + 1} ${titles[index]}`;
    return id === screen ? [span(`[${text}]`, "title")] : [span(` ${text} `, "dim")];
  });
  return lineOf(cols, tabs, [span("? help ", "dim")]);
}

function mirrorOf({ subject, strip, snapshot }: Model, long: boolean, glyphs: Glyphs): Part[] {
  if (!subject.live) {
    return long
      ? [{ priority: 0, spans: [span(" FILE", "label"), span("   as it was captured: no mirror is watched", "dim")] }]
      : [];
  }
  if (!strip) {
    const captured = { priority: 1, spans: [span(" captured ", "label"), span(`${commas(snapshot?.packets ?? 0)}  `)] };
    if (!long) return [captured];
    const why = subject.mirrored ? "  asking OVS ...  " : "  none ends here  ";
    return [{ priority: 0, spans: [span(" MIRROR", "label"), span(why, "dim")] }, captured];
  }
  const verdict = span(verdictText(strip), VERDICT_STYLES[strip.verdict]);
  const { compared } = strip;
  const pair: Part = {
    priority: 2,
    spans:
      compared === null
        ? [span(strip.verdict === "WAIT" ? `  ${waitingText(strip)}  ` : "  ", "dim")]
        : [
            span("  OVS ", "label"),
            span(commas(compared.mirrored)),
            span("  captured ", "label"),
            span(commas(compared.captured)),
            span(` (${shortDuration(compared.ageMs)}${long ? " ago" : ""})  `, "dim"),
          ],
  };
  if (!long) return [{ priority: 0, spans: [span(" "), verdict] }, pair];
  const reason = strip.reason === undefined ? [] : [span(`  ${cells(strip.reason, glyphs)}`, "dim")];
  return [
    { priority: 4, spans: [span(" MIRROR ", "label"), span(cells(strip.sources, glyphs)), span(" ")] },
    { priority: 0, spans: [span(" "), verdict] },
    { priority: 3, spans: reason },
    pair,
  ];
}

function lossOf(snapshot: Snapshot | null, long: boolean): Part[] {
  if (!snapshot?.drops) return [];
  const { kernel, interface: byInterface } = snapshot.drops;
  if (long) {
    return [
      {
        priority: 1,
        spans: [
          span(" DROPS ", "label"),
          span(`kernel ${commas(kernel)}`, kernel > 0 ? "bad" : "plain"),
          span(`  interface ${commas(byInterface)}`, byInterface > 0 ? "bad" : "plain"),
        ],
      },
    ];
  }
  const all = kernel + byInterface;
  return [{ priority: 1, spans: [span(` drops ${commas(all)}`, all > 0 ? "bad" : "dim"), span("  ")] }];
}

function countsOf(snapshot: Snapshot | null): Span[] {
  if (!snapshot) return [];
  return [
    span(" SEEN   ", "label"),
    span(
      `${commas(snapshot.packets)} packets  ${formatScaled(snapshot.bytes, "B")}  ${commas(snapshot.held)} ${snapshot.held === 1 ? "flow" : "flows"}`,
    ),
    span(`  not IP ${commas(snapshot.notIp)}`, snapshot.notIp > 0 ? "plain" : "dim"),
    span(`  malformed ${commas(snapshot.malformed)}`, snapshot.malformed > 0 ? "warn" : "dim"),
  ];
}

/** A file that is read at once has a mean, and no rate of the moment. */
function rateOf({ snapshot, subject }: Model, glyphs: Glyphs): Span[] {
  if (!snapshot) return [];
  const rates = `${formatBitRate(Math.round(snapshot.bitsPerSec)).padEnd(8)} ${`${formatScaled(Math.round(snapshot.packetsPerSec))} pkt/s`.padEnd(11)}`;
  if (!subject.live && !subject.played) {
    return [span(" MEAN   ", "label"), span(rates), span(`  over ${clock(snapshot.elapsedMs)}`, "dim")];
  }
  return [
    span(" RATE   ", "label"),
    span(rates),
    span(`  peak ${formatBitRate(Math.round(snapshot.peakBitsPerSec)).padEnd(8)}`, "dim"),
    span("  60s ", "dim"),
    span(sparkline(snapshot.rateHistory, 60, glyphs), "good"),
  ];
}

function shortRateOf({ snapshot, subject }: Model): Part[] {
  if (!snapshot) return [];
  const rates = `${formatBitRate(Math.round(snapshot.bitsPerSec))} ${formatScaled(Math.round(snapshot.packetsPerSec))}pps`;
  if (subject.live || subject.played) return [{ priority: 1, spans: [span(` ${rates}`)] }];
  return [
    { priority: 0, spans: [span(` ${commas(snapshot.packets)} packets  ${formatScaled(snapshot.bytes, "B")}`)] },
    { priority: 1, spans: [span(`  mean ${rates}`, "dim")] },
  ];
}

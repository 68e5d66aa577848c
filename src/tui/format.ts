/**
 * Values as cells of a screen. A cell is one UTF-16 unit that every terminal draws one column wide, so that
 * `text.length` is its width.
 */
import { sanitize } from "../core/text.ts";
import { formatScaled } from "../core/units.ts";

/** The characters used beyond letters and digits. */
export interface Glyphs {
  readonly ascii: boolean;
  readonly rule: string;
  readonly down: string;
  readonly up: string;
  readonly cut: string;
  readonly arrow: string;
  readonly back: string;
  /** From nothing to full. */
  readonly spark: string;
  /** A horizontal bar's full and empty cell. */
  readonly full: string;
  readonly empty: string;
  /** Between panes. */
  readonly wall: string;
}

export const UNICODE: Glyphs = {
  ascii: false,
  rule: "─",
  down: "▼",
  up: "▲",
  cut: "…",
  arrow: "→",
  back: "←",
  spark: " ▁▂▃▄▅▆▇█",
  full: "█",
  empty: "░",
  wall: "│",
};

export const ASCII: Glyphs = {
  ascii: true,
  rule: "-",
  down: "v",
  up: "^",
  cut: "~",
  arrow: ">",
  back: "<",
  spark: " .:|#",
  full: "#",
  empty: "-",
  wall: "|",
};

// One column wide in every terminal: Latin, Greek and Cyrillic letters without their combining marks, general punctuation,
// currency, arrows, mathematical operators, box drawing, block elements.
const NARROW =
  /[^ -~\u00a1-\u00ac\u00ae-\u02ff\u0370-\u0482\u048a-\u052f\u1e00-\u1fff\u2010-\u2027\u2030-\u205e\u20a0-\u20bf\u2190-\u2193\u2200-\u22ff\u2500-\u259f]/gu;

/** Any text as cells: unsafe characters as escapes (core/text.ts), others that may not be one column wide as `?`. */
export function cells(text: string, glyphs: Glyphs): string {
  const safe = sanitize(text);
  return glyphs.ascii ? safe.replace(/[^ -~]/gu, "?") : safe.replace(NARROW, "?");
}

/** `text` in exactly `width` cells, cut at the end and marked when it is too long. */
export function toWidth(text: string, width: number, glyphs: Glyphs, align: "left" | "right" = "left"): string {
  if (width <= 0) return "";
  if (text.length > width) return text.slice(0, width - 1) + glyphs.cut;
  return align === "left" ? text.padEnd(width) : text.padStart(width);
}

/** `text` in exactly `width` cells, cut in the middle: both ends of an IPv6 address tell hosts apart. */
export function toWidthMiddle(text: string, width: number, glyphs: Glyphs): string {
  if (width <= 0) return "";
  if (text.length <= width) return text.padEnd(width);
  const tail = Math.floor((width - 1) / 2);
  const head = width - 1 - tail;
  return text.slice(0, head) + glyphs.cut + (tail > 0 ? text.slice(-tail) : "");
}

/** `address:port`, `[v6]:port`, or the address alone. */
export function endpoint(address: string, port: number | null): string {
  if (port === null) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** A count with thousands separated: `1,204,118`. */
export function commas(value: number): string {
  return String(Math.trunc(value)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A count in at most `width` cells: all digits where they fit, else scaled (`184k`). */
export function count(value: number, width: number): string {
  const full = commas(value);
  return full.length <= width ? full : formatScaled(value);
}

/** Elapsed time as `00:12:41`, hours as many as there are. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

/** Elapsed time in at most six cells: `15ms`, `4.2s`, `9s`, `5m12s`, `11h40m`, `12d`. */
export function shortDuration(ms: number): string {
  if (ms > 0 && ms < 999.5) return ms < 0.95 ? `${Math.max(1, Math.round(ms * 1000))}us` : `${Math.round(ms)}ms`;
  if (ms > 0 && ms < 9950) return `${(ms / 1000).toFixed(1)}s`;
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (value: number): string => String(value).padStart(2, "0");
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  if (seconds < 100 * 3600) return `${Math.floor(seconds / 3600)}h${two(Math.floor(seconds / 60) % 60)}m`;
  return `${Math.floor(seconds / 86_400)}d`;
}

/** A round-trip time in at most six cells: `90us`, `0.41ms`, `12.3ms`, `1.20s`. */
export function latency(ms: number): string {
  if (ms < 0.0995) return `${Math.round(ms * 1000)}us`;
  if (ms < 9.995) return `${ms.toFixed(2)}ms`;
  if (ms < 99.95) return `${ms.toFixed(1)}ms`;
  return ms < 999.5 ? `${Math.round(ms)}ms` : `${(ms / 1000).toFixed(ms < 9995 ? 2 : 0)}s`;
}

/** Local time of day: `10:42:07`. */
export function timeOfDay(ms: number): string {
  const date = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Local date and time: `2026-01-02 10:42:07.120`. */
export function localTime(ms: number): string {
  const date = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${timeOfDay(ms)}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** Seconds with so many digits behind the point, as packet lists show them. */
export function secondsText(seconds: number): string {
  return Number.isFinite(seconds) ? seconds.toFixed(6) : "-";
}

/** The last `width` of `values` as bars, scaled to the greatest shown. */
export function sparkline(values: readonly number[], width: number, glyphs: Glyphs): string {
  const shown = values.slice(-width);
  const top = shown.reduce((most, value) => Math.max(most, value), 0);
  const steps = glyphs.spark.length - 1;
  const bars = shown.map(
    (value) => glyphs.spark[top > 0 && value > 0 ? Math.max(1, Math.round((value / top) * steps)) : 0],
  );
  return bars.join("").padStart(width);
}

/** A share of 1 as a bar of exactly `width` cells. */
export function bar(share: number, width: number, glyphs: Glyphs): string {
  const filled = Math.max(0, Math.min(width, Math.round(share * width)));
  return glyphs.full.repeat(filled) + glyphs.empty.repeat(width - filled);
}

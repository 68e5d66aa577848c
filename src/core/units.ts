/** Durations, sizes and rates as people write and read them. Powers of 1000 throughout. */
import { UsageError } from "./errors.ts";

const DURATION_MS: Record<string, number> = { "": 1000, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const SIZE: Record<string, number> = { "": 1, k: 1e3, K: 1e3, M: 1e6, G: 1e9 };

/**
 * Milliseconds of `10` (seconds), `500ms`, `10s`, `5m`, `1h`.
 * @throws UsageError when it is none of these, or not above 0.
 */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
  const ms = match ? Number(match[1]) * DURATION_MS[match[2] ?? ""]! : Number.NaN;
  if (!(ms > 0)) {
    throw new UsageError(`not a duration: '${text}'`, { hint: "a number of seconds, or 500ms, 10s, 5m, 1h" });
  }
  return ms;
}

/**
 * A count of bytes (or packets) of `1500`, `64k`, `10M`, `1G`: powers of 1000.
 * @throws UsageError when it is none of these, or not a whole number.
 */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([kKMG])?$/.exec(text);
  const size = match ? Number(match[1]) * SIZE[match[2] ?? ""]! : Number.NaN;
  if (!Number.isSafeInteger(size)) {
    throw new UsageError(`not a size: '${text}'`, { hint: "a whole number, with k, M or G for powers of 1000" });
  }
  return size;
}

/** A whole number from `min` to `max`. @throws UsageError naming `what` otherwise. */
export function parseInteger(text: string, what: string, min: number, max: number): number {
  const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw new UsageError(`${what} must be a whole number from ${min} to ${max}, not '${text}'`);
  }
  return value;
}

/** A number in at most four characters and a unit letter: `999`, `1.2k`, `45M`. */
export function formatScaled(value: number, unit = ""): string {
  if (!Number.isFinite(value)) return "-";
  let scaled = Math.abs(value);
  let prefix = "";
  for (const next of ["k", "M", "G", "T", "P"]) {
    if (scaled < 999.5) break;
    scaled /= 1000;
    prefix = next;
  }
  const digits = prefix === "" ? (Number.isInteger(scaled) ? 0 : 1) : scaled < 9.95 ? 1 : 0;
  return `${value < 0 ? "-" : ""}${scaled.toFixed(digits)}${prefix}${unit}`;
}

/** A rate in bits per second: `38Mb/s`. */
export function formatBitRate(bitsPerSecond: number): string {
  return formatScaled(bitsPerSecond, "b/s");
}

/** Milliseconds as `850ms`, `4.2s`, `3m12s`, `2h05m`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)}s`;
  const whole = Math.floor(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)}m${String(whole % 60).padStart(2, "0")}s`;
  return `${Math.floor(whole / 3600)}h${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")}m`;
}

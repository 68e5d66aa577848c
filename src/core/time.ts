/**
 * Packet time: two numbers (seconds since the epoch, nanoseconds) on the packet path, bigint nanoseconds at the edges.
 * Never float seconds: 2^53 cannot hold today's time below about 240 ns.
 */

import { UsageError } from "./errors.ts";

/** Nanoseconds since the epoch. */
export function toNs(sec: number, nsec: number): bigint {
  return BigInt(sec) * 1_000_000_000n + BigInt(nsec);
}

/** `seconds.ffffff`, truncated to `digits` decimals, formatted from integers (negative durations included). */
export function formatNs(ns: bigint, digits = 6): string {
  const sign = ns < 0n ? "-" : "";
  const abs = ns < 0n ? -ns : ns;
  const fraction = (abs % 1_000_000_000n).toString().padStart(9, "0").slice(0, digits);
  return `${sign}${abs / 1_000_000_000n}${digits > 0 ? `.${fraction}` : ""}`;
}

/** The wall clock in nanoseconds since the epoch, to the millisecond. */
export function nowNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

/**
 * Microseconds since the epoch of `1700000000.5` (seconds) or `2026-11-23`, `2026-11-23T10:00`, `2026-11-23 10:00:00.5Z`; without a
 * zone it is UTC.
 * @throws UsageError when it is none of these
 */
export function parseTimeUs(text: string): number {
  if (/^\d{1,11}(?:\.\d{1,9})?$/.test(text)) {
    const [seconds, fraction = ""] = text.split(".");
    return Number(seconds) * 1e6 + Number(fraction.padEnd(6, "0").slice(0, 6));
  }
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?$/.exec(text);
  const [, day, clock = "00:00", seconds = ":00", fraction = "", zone = "Z"] = match ?? [];
  const ms = match ? Date.parse(`${day}T${clock}${seconds}${zone}`) : Number.NaN;
  if (Number.isNaN(ms)) {
    throw new UsageError(`not a time: '${text}'`, { hint: "seconds since 1970, or 2026-11-23T10:00:00 (UTC)" });
  }
  return ms * 1000 + Number(fraction.padEnd(6, "0").slice(0, 6));
}

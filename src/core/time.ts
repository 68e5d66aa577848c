/**
 * Packet time: two numbers (seconds since the epoch, nanoseconds) on the packet path, bigint nanoseconds at the edges.
 * Never float seconds: 2^53 cannot hold today's time below about 240 ns.
 */

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

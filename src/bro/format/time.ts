/**
 * Times in Zeek's logs: in TSV seconds with six decimals; in JSON seconds, milliseconds (a whole number above 10^11), or ISO
 * 8601 in UTC (LogAscii::json_timestamps). `…Us` are microseconds as a number, exact until the year 2255.
 */

const DOT = 0x2e;
const MINUS = 0x2d;
/** More seconds than this are milliseconds: the year 5138. */
const MILLISECONDS_ABOVE = 1e11;

/** Microseconds of the decimal number at [at, end), NaN when it is none. Digits after the sixth are dropped. */
export function decimalUs(buffer: Buffer, at: number, end: number): number {
  let i = at;
  const negative = buffer[i] === MINUS;
  if (negative) i++;
  const first = i;
  let value = 0;
  for (; i < end; i++) {
    const digit = buffer[i]! - 48;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  if (i === first) return Number.NaN;
  value *= 1e6;
  if (i < end) {
    if (buffer[i] !== DOT) return Number.NaN;
    let scale = 1e5;
    for (i++; i < end; i++) {
      const digit = buffer[i]! - 48;
      if (digit < 0 || digit > 9) return Number.NaN;
      if (scale >= 1) value += digit * scale;
      scale /= 10;
    }
  }
  return negative ? -value : value;
}

/** Microseconds of a JSON value at [at, end): a number or an ISO 8601 string; NaN when it is neither. */
export function jsonUs(buffer: Buffer, at: number, end: number): number {
  if (buffer[at] === 0x22) return isoUs(buffer.toString("latin1", at + 1, Math.min(end - 1, at + 40)));
  const us = decimalUs(buffer, at, end);
  return Math.abs(us) > MILLISECONDS_ABOVE * 1e6 ? us / 1000 : us;
}

// Zeek prints the fraction with %06.0f: rounding may make it 1000000, seven digits.
const ISO = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?$/;

/** Microseconds of `2026-11-23T10:00:00.123456Z`; without a zone it is UTC. NaN when it is not of this form. */
export function isoUs(text: string): number {
  const match = ISO.exec(text);
  if (!match) return Number.NaN;
  const [, day, clock, fraction = "", zone = "Z"] = match;
  const offset = zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone;
  const micros = fraction.length === 7 ? Number(fraction) : Number(fraction.padEnd(6, "0").slice(0, 6));
  return Date.parse(`${day}T${clock}${offset}`) * 1000 + micros;
}

/** Microseconds of `#open` and of the times in file names, `2026-11-23-10-00-00`, taken as UTC; NaN when it is not of this form. */
export function openUs(text: string): number {
  const match = /^(\d{4})-(\d\d)-(\d\d)-(\d\d)[-.:](\d\d)[-.:](\d\d)$/.exec(text);
  if (!match) return Number.NaN;
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return Date.UTC(year, month - 1, day, hour, minute, second) * 1000;
}

/** Records of connections, gathered in big pieces which the host takes away. */
import { put8 } from "../bytes";
import { Row } from "../generated/layouts";
import { OUT, OUT_END, SCRATCH } from "../generated/memory";
import { numberOf, writeConnLog, writeMore, writeText } from "../generated/record";
import { rowAt } from "../memory";
import { format, JSON_LINES, PLAIN, setFormat, ZEEK } from "./format";
import { takeRecords } from "./host";
import { byte, to, writeAt } from "./text";

/** More than the longest record has: names, histories and parents are bounded. */
const LONGEST: usize = 64 * 1024;
const OPENING_BRACE: i32 = 0x7b;
const CLOSING_BRACE: i32 = 0x7d;
const NEWLINE: i32 = 0x0a;

/** From now on records are written in this format (JSON_LINES, CSV, ZEEK). */
export function startRecords(wanted: i32): void {
  setFormat(wanted);
  writeAt(<usize>OUT);
}

/** Writes the record of a row. */
export function writeRecord(row: Row): void {
  putRecord(row);
  if (to > <usize>OUT_END - LONGEST) flushRecords();
}

function putRecord(row: Row): void {
  const start = to;
  writeConnLog(row);
  if (format !== ZEEK) writeMore(row);
  if (format === JSON_LINES) {
    // Every field begins with a comma.
    put8(start, OPENING_BRACE);
    byte(CLOSING_BRACE);
    byte(NEWLINE);
  } else put8(to - 1, NEWLINE);
}

/** Hands on what has been gathered. */
export function flushRecords(): void {
  if (to > <usize>OUT) takeRecords(OUT, <i32>(to - <usize>OUT));
  writeAt(<usize>OUT);
}

/** For the host: a field's value (an index of FIELDS) of the row at an address, as a number; NaN where it is unset or none. */
export function fieldNumber(field: i32, row: usize): f64 {
  return numberOf(field, rowAt(row));
}

/** For the host: a field's value as UTF-8 in SCRATCH. @returns how long it is, -1 where it is unset or none */
export function fieldText(field: i32, row: usize): i32 {
  const gathered = to;
  const formatBefore = format;
  setFormat(PLAIN);
  writeAt(<usize>SCRATCH);
  const length = writeText(field, rowAt(row)) ? <i32>(to - <usize>SCRATCH) : -1;
  setFormat(formatBefore);
  writeAt(gathered);
  return length;
}

/** For the host: writes the record of the row at an address. */
export function writeRow(row: usize): void {
  writeRecord(rowAt(row));
}

/** For the host: the record of the row at an address in JSON, in SCRATCH. @returns how long it is */
export function recordText(row: usize): i32 {
  const gathered = to;
  const formatBefore = format;
  setFormat(JSON_LINES);
  writeAt(<usize>SCRATCH);
  putRecord(rowAt(row));
  const length = <i32>(to - <usize>SCRATCH);
  setFormat(formatBefore);
  writeAt(gathered);
  return length;
}

/** Connections as a table for people: one line each, columns of fixed width so that lines can be written as they come. */
import { sanitize } from "../../core/text.ts";
import { formatDuration, formatScaled } from "../../core/units.ts";
import { formatEndpoint } from "./endpoint.ts";
import { numberField, textField } from "./fields.ts";
import type { Rows } from "./rows.ts";

interface Column {
  readonly heading: string;
  readonly width: number;
  /** Numbers stand to the right. */
  readonly right?: true;
  readonly cell: (row: number) => string;
}

export interface FlowTableFormat {
  readonly header: string;
  line(row: number): string;
}

export function tableFormat(rows: Rows): FlowTableFormat {
  const columns = columnsOf(rows);
  const line = (cell: (column: Column) => string): string => {
    const cells = columns.map((column) => {
      const { width, right } = column;
      return right ? cell(column).padStart(width) : cell(column).padEnd(width);
    });
    return `${cells.join(" ").trimEnd()}\n`;
  };
  return { header: line(({ heading }) => heading), line: (row) => line(({ cell }) => cell(row)) };
}

function columnsOf(rows: Rows): readonly Column[] {
  const [proto, app, basis, state, serverName] = [
    textField(rows, "proto"),
    textField(rows, "app"),
    textField(rows, "service_basis"),
    textField(rows, "conn_state"),
    textField(rows, "server_name"),
  ];
  const bytes = numberField(rows, "bytes");
  const wireBytes = numberField(rows, "wire_bytes");
  // A guess by the port alone is marked as one.
  const service = (row: number): string => {
    const name = app(row);
    return name === undefined ? "-" : sanitize(name) + (basis(row) === "port" ? "?" : "");
  };
  const duration = (row: number): string => {
    const seconds = rows.duration(row);
    return seconds === 0 ? "-" : formatDuration(seconds * 1000);
  };
  const protocol = (row: number): string => {
    const name = proto(row)!;
    return name === "unknown_transport" ? `ip/${rows.protocol(row)}` : name;
  };
  return [
    { heading: "START (UTC)", width: 15, cell: (row) => formatClock(rows.firstNs(row)) },
    { heading: "PROTO", width: 5, cell: protocol },
    { heading: "ORIGINATOR", width: 21, cell: (row) => formatEndpoint(rows, row, true) },
    { heading: "RESPONDER", width: 21, cell: (row) => formatEndpoint(rows, row, false) },
    { heading: "SERVICE", width: 8, cell: service },
    { heading: "STATE", width: 6, cell: (row) => state(row)! },
    { heading: "PKTS", width: 8, right: true, cell: (row) => `${rows.packets(row, true)}/${rows.packets(row, false)}` },
    { heading: "BYTES", width: 6, right: true, cell: (row) => formatScaled(bytes(row)) },
    { heading: "WIRE", width: 6, right: true, cell: (row) => formatScaled(wireBytes(row)) },
    { heading: "DURATION", width: 8, right: true, cell: duration },
    { heading: "NAME", width: 0, cell: (row) => sanitize(serverName(row) ?? "") },
  ];
}

const MICROSECOND = 1000n;
const DAY = 86_400_000_000n;

/** The time of day (UTC), to the microsecond. */
function formatClock(ns: bigint): string {
  const micros = Number((((ns / MICROSECOND) % DAY) + DAY) % DAY);
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const seconds = Math.floor(micros / 1e6);
  const rest = String(micros % 1e6).padStart(6, "0");
  return `${two(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}.${rest}`;
}

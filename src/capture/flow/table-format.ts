/** Connection records as a table for people: one line each, columns of fixed width so that lines can be written as they come. */

import { sanitize } from "../../core/text.ts";
import { formatDuration, formatScaled } from "../../core/units.ts";
import { formatIpv4, formatIpv6 } from "./address.ts";
import { connState, protocolName } from "./names.ts";
import type { RecordFormat } from "./record-formats.ts";
import type { FlowTable } from "./table.ts";

const HEADINGS = ["START (UTC)", "PROTO", "ORIGINATOR", "RESPONDER", "SERVICE", "STATE", "PKTS", "BYTES", "DURATION"];
const WIDTHS = [15, 5, 21, 21, 8, 6, 8, 6, 8];
/** Columns of numbers stand to the right. */
const RIGHT = new Set([6, 7, 8]);

/** `10.0.0.1:80`, `[2001:db8::1]:53`; without ports the address alone. */
export function formatEndpoint(table: FlowTable, row: number, orig: boolean): string {
  const word = (i: number) => table.addressWord(row, orig, i);
  const proto = protocolName(table.protocol(row));
  const hasPort = proto !== "icmp" && proto !== "unknown_transport";
  const port = hasPort ? `:${table.port(row, orig)}` : "";
  if (!table.isV6(row)) return `${formatIpv4(word(0))}${port}`;
  const address = formatIpv6(word(0), word(1), word(2), word(3));
  return hasPort ? `[${address}]${port}` : address;
}

function line(cells: readonly string[]): string {
  const padded = cells.map((cell, i) => (RIGHT.has(i) ? cell.padStart(WIDTHS[i]!) : cell.padEnd(WIDTHS[i]!)));
  return `${padded.join(" ").trimEnd()}\n`;
}

function clock(sec: number, nsec: number): string {
  const day = ((sec % 86400) + 86400) % 86400;
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const micros = String(Math.floor(nsec / 1000)).padStart(6, "0");
  return `${two(day / 3600)}:${two((day / 60) % 60)}:${two(day % 60)}.${micros}`;
}

export const tableFormat: RecordFormat = {
  header: line(HEADINGS),
  footer: () => "",
  write(w, t, row, labels) {
    const proto = protocolName(t.protocol(row));
    const seconds = t.durationSec(row) + t.durationNsec(row) / 1e9;
    w.text(
      line([
        clock(t.firstSec(row), t.firstNsec(row)),
        proto === "unknown_transport" ? `ip/${t.protocol(row)}` : proto,
        formatEndpoint(t, row, true),
        formatEndpoint(t, row, false),
        sanitize(labels?.app(row) ?? labels?.service(row) ?? "-"),
        connState(t, row),
        `${t.packets(row, true)}/${t.packets(row, false)}`,
        formatScaled(t.frameBytes(row, true) + t.frameBytes(row, false)),
        seconds === 0 ? "-" : formatDuration(seconds * 1000),
      ]),
    );
  },
};

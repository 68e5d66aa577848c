/** An end of a connection as people write it. */
import { formatIpv4, formatIpv6 } from "../../core/address.ts";
import { hasPorts } from "./protocols.ts";
import type { Rows } from "./rows.ts";

/** The address of a side, without its port. */
export function formatAddress(rows: Rows, row: number, orig: boolean): string {
  const word = (i: number) => rows.addressWord(row, orig, i);
  return rows.isV6(row) ? formatIpv6(word(0), word(1), word(2), word(3)) : formatIpv4(word(0));
}

/** `10.0.0.1:80`, `[2001:db8::1]:53`; without ports the address alone. */
export function formatEndpoint(rows: Rows, row: number, orig: boolean): string {
  const address = formatAddress(rows, row, orig);
  if (!hasPorts(rows.protocol(row))) return address;
  return `${rows.isV6(row) ? `[${address}]` : address}:${rows.port(row, orig)}`;
}

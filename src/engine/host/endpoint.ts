/** An end of a connection as people write it. */
import { formatIpv4, formatIpv6 } from "../../core/address.ts";
import { hasPorts } from "./protocols.ts";
import type { Rows } from "./rows.ts";

/** `10.0.0.1:80`, `[2001:db8::1]:53`; without ports the address alone. */
export function formatEndpoint(rows: Rows, row: number, orig: boolean): string {
  const word = (i: number) => rows.addressWord(row, orig, i);
  const hasPort = hasPorts(rows.protocol(row));
  const port = hasPort ? `:${rows.port(row, orig)}` : "";
  if (!rows.isV6(row)) return `${formatIpv4(word(0))}${port}`;
  const address = formatIpv6(word(0), word(1), word(2), word(3));
  return hasPort ? `[${address}]${port}` : address;
}

/**
 * FTP (RFC 959): the server's greeting, which SMTP's begins like (and is looked for before), or the client's name. Where its data
 * connections will go is said by PORT, EPRT and the replies 227 and 229 (RFC 2428); the host reads these (service/ftp.ts).
 */
import { u8At } from "../bytes";
import { Row } from "../generated/layouts";
import { isV6 } from "../table/row";
import { ALWAYS } from "./follow";
import { ftpAnnouncement } from "./host";
import { at, begins, beginsAnyCase, contains, end, fromOriginator, onPort } from "./payload";

export function overTcp(): bool {
  if (begins("220 ") || begins("220-")) return onPort(21) || contains("FTP");
  return onPort(21) && (beginsAnyCase("USER ") || beginsAnyCase("PASS "));
}

export function follow(row: Row): i32 {
  if (announcesData()) {
    ftpAnnouncement(at, end - at, fromOriginator() ? row.origAddress : row.respAddress, isV6(row) ? 16 : 4);
  }
  return ALWAYS;
}

function announcesData(): bool {
  switch (u8At(at)) {
    case 0x32: // 2
      return begins("227") || begins("229");
    case 0x45: // E
    case 0x65: // e
      return beginsAnyCase("EPRT ");
    case 0x50: // P
    case 0x70: // p
      return beginsAnyCase("PORT ");
    default:
      return false;
  }
}

/** SMTP (RFC 5321): the server's greeting, which FTP's begins like, or the client's. */
import { begins, beginsAnyCase, contains, onPort } from "./payload";

export function overTcp(): bool {
  if (begins("220 ") || begins("220-")) return onPort(25) || onPort(587) || contains("SMTP");
  return beginsAnyCase("EHLO ") || beginsAnyCase("HELO ");
}

/** POP3 (RFC 1939): a positive answer, which Redis's begins like, or a command. */
import { begins, beginsAnyCase, captured, onPort } from "./payload";

export function overTcp(): bool {
  // `+OK\r\n` alone may be anyone's.
  if (begins("+OK")) return !onPort(6379) && captured() !== 5;
  if (beginsAnyCase("CAPA\r") || beginsAnyCase("APOP ")) return true;
  return onPort(110) && (beginsAnyCase("USER ") || beginsAnyCase("PASS "));
}

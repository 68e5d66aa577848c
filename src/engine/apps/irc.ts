/** IRC (RFC 1459): the client's introduction, or a message of a server. */
import { begins, beginsAnyCase, contains, onPort } from "./payload";

export function overTcp(): bool {
  if (begins(":")) return usualPort() || contains("\nNICK ") || contains(" NOTICE ") || contains(" 001 ");
  if (beginsAnyCase("NICK ")) return true;
  return (beginsAnyCase("USER ") || beginsAnyCase("PASS ")) && (usualPort() || contains("\nNICK "));
}

function usualPort(): bool {
  return onPort(6667) || onPort(6666) || onPort(6668);
}

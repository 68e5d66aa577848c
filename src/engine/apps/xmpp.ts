/** XMPP (RFC 6120 §4.2): the opening of a stream. */
import { begins, contains } from "./payload";

export function overTcp(): bool {
  return begins("<stream:stream") || (begins("<?xml") && contains("<STREAM:STREAM"));
}

/** The NetBIOS name service (RFC 1002 §4.2): DNS messages on a port of their own. */
import { isDns } from "./dns";
import { at, end, onPort, wire } from "./payload";

export function overUdp(): bool {
  return onPort(137) && isDns(at, end, at + wire);
}

/** Link-local multicast name resolution (RFC 4795): DNS messages on a port of their own. */
import { follow, isDns } from "./dns";
import { at, end, onPort, wire } from "./payload";

export { follow };

export function overUdp(): bool {
  return onPort(5355) && isDns(at, end, at + wire);
}

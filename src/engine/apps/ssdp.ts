/** SSDP, UPnP's discovery: HTTP's messages in datagrams. */
import { begins } from "./payload";

export function overUdp(): bool {
  return begins("M-SEARCH ") || begins("NOTIFY * HTTP") || begins("HTTP/1.");
}

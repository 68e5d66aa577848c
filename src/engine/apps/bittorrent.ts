/** BitTorrent: the handshake between peers (BEP 3), and queries of its DHT (BEP 5). */
import { u8At } from "../bytes";
import { at, begins, end, startsWith } from "./payload";

export function overTcp(): bool {
  return u8At(at) === 19 && startsWith(at + 1, end, "BitTorrent protocol");
}

export function overUdp(): bool {
  return begins("d1:ad2:id20:") || begins("d1:rd2:id20:");
}

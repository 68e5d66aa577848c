/** SSH (RFC 4253 §4.2): the version line of either side. */
import { begins } from "./payload";

export function overTcp(): bool {
  return begins("SSH-");
}

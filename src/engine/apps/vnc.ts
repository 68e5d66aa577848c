/** VNC's remote framebuffer protocol (RFC 6143 §7.1.1). */
import { begins } from "./payload";

export function overTcp(): bool {
  return begins("RFB 00");
}

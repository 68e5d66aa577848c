/** RTSP (RFC 2326): a response, or a request, whose line ends with the version. */
import { begins, contains } from "./payload";

export function overTcp(): bool {
  return begins("RTSP/1.0") || contains(" RTSP/1.0\r", 200);
}

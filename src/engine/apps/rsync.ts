/** The greeting of rsync's daemon. */
import { begins } from "./payload";

export function overTcp(): bool {
  return begins("@RSYNCD:");
}

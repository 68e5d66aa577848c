/** How long a connection lives: Zeek's timeouts, by packet time. */
import { Packet, Row } from "../generated/layouts";
import { UDP } from "../generated/protocols";
import { DNS_PORTS, DNS_PORTS_COUNT } from "../generated/server-ports";
import { SECOND } from "../time";

// Zeek's defaults, seconds.
export const TCP_IDLE: i32 = 300;
const OTHER_IDLE: i32 = 60;
/** Marks the flows of DNS_PORTS, too. */
const DNS_IDLE: i32 = 10;
export const ATTEMPT_DELAY: i64 = 5 * SECOND;
export const CLOSE_DELAY: i64 = 5 * SECOND;

/** How long a connection may be silent, seconds. */
export function idleOf(row: Row, p: Packet): i32 {
  if (p.protocol !== UDP) return OTHER_IDLE;
  for (let i = 0; i < DNS_PORTS_COUNT; i++) {
    if (<i32>load<u16>(DNS_PORTS + ((<usize>i) << 1)) === row.respPort) return DNS_IDLE;
  }
  return OTHER_IDLE;
}

/** When the row ends if nothing more comes. */
export function idleEnd(row: Row): i64 {
  const idle = row.idle;
  const last = row.end;
  if (idle !== DNS_IDLE) return last + <i64>idle * SECOND;
  // Zeek's DNS analyzer looks every 10 seconds whether there was silence for 9.
  const period = DNS_IDLE * SECOND;
  return row.first + ((last - row.first + 2 * period - SECOND - 1) / period) * period;
}

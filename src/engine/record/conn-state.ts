/** Zeek's `conn_state`: how a connection stands, told by the states of its two ends and by which of them sent anything. */
import { Row } from "../generated/layouts";
import { TCP, UDP } from "../generated/protocols";
import { OTH, REJ, RSTO, RSTOS0, RSTR, RSTRH, S0, S1, S2, S3, SF, SH, SHR } from "../generated/words";
import { isAbandonedAttempt } from "../table/history";
import { protocolOf } from "../table/row";
import {
  CLOSED,
  ESTABLISHED,
  INACTIVE,
  PARTIAL,
  RESET,
  SYN_ACK_SENT,
  SYN_SENT,
  stateOf,
  streamSize,
} from "../tcp/endpoint";

/** An index of CONN_STATES. */
export function connStateOf(row: Row): i32 {
  if (protocolOf(row) === TCP) return tcpState(row);
  if (protocolOf(row) !== UDP) return OTH;
  if (row.orig.packets === 0) return row.resp.packets === 0 ? OTH : SHR;
  return row.resp.packets === 0 ? S0 : SF;
}

function tcpState(row: Row): i32 {
  const orig = stateOf(row, true);
  const resp = stateOf(row, false);
  const origAbsent = orig === INACTIVE || orig === PARTIAL;
  const respAbsent = resp === INACTIVE || resp === PARTIAL;
  if (resp === RESET) {
    const handshake = orig === SYN_SENT || orig === SYN_ACK_SENT;
    const rejected = handshake || (orig === RESET && streamSize(row, true) === 0 && streamSize(row, false) === 0);
    return rejected ? REJ : origAbsent ? RSTRH : RSTR;
  }
  if (orig === RESET) return !respAbsent ? RSTO : isAbandonedAttempt(row) ? RSTOS0 : OTH;
  if (orig === CLOSED) return resp === CLOSED ? SF : respAbsent ? SH : S2;
  if (resp === CLOSED) return origAbsent ? SHR : S3;
  if (orig === SYN_SENT && resp === INACTIVE) return S0;
  return orig === ESTABLISHED && resp === ESTABLISHED ? S1 : OTH;
}

/** Connections that others have announced: FTP its data, SIP its media. */
import { get8 } from "../bytes";
import { FTP_DATA } from "../generated/apps";
import { Row } from "../generated/layouts";
import { EXPECTED_PORTS } from "../generated/memory";
import { TCP, UDP } from "../generated/protocols";
import { isV6, protocolOf } from "../table/row";
import { isExpected } from "./host";
import { ANNOUNCED } from "./label-bits";

/** Looks whether the connection that has just begun was announced. */
export function noteExpected(row: Row): void {
  const protocol = protocolOf(row);
  if (protocol === TCP) {
    if (!expects(row, false)) return;
    row.labelBits = ANNOUNCED;
    row.app = FTP_DATA;
  } else if (protocol === UDP) {
    // Each side of a call has announced where it listens: both ends are used up.
    const orig = expects(row, true);
    const resp = expects(row, false);
    if (orig || resp) row.labelBits = ANNOUNCED;
  }
}

function expects(row: Row, orig: bool): bool {
  const port = orig ? row.origPort : row.respPort;
  if (get8(<usize>(EXPECTED_PORTS + port)) === 0) return false;
  return isExpected(orig ? row.origAddress : row.respAddress, isV6(row) ? 16 : 4, port);
}

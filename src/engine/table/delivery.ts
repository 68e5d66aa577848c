/** Where connections go that have ended: into records, to the host, or nowhere. */
import { Row } from "../generated/layouts";
import { options } from "../options";
import { writeRecord } from "../record/writer";

/** What the host is called for with each connection that has ended; its row is valid during the call. */
export declare function connectionEnded(row: usize): void;

export const TO_RECORDS: i32 = 1;
export const TO_HOST: i32 = 2;

/** A connection has ended. */
export function reportEnded(row: Row): void {
  const target = options.deliverTo;
  if (target === TO_RECORDS) writeRecord(row);
  else if (target === TO_HOST) connectionEnded(row.at);
}

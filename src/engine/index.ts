/**
 * What the host can call. Rows and places cross as addresses; options, totals and rows are read and written in memory, by their layouts
 * (layout/layouts.ts).
 */
import { counters } from "./counters";
import { layOut } from "./memory";
import { options } from "./options";
import { beginIndex, slotsFor } from "./table/row-index";
import { limitRows } from "./table/table";
import { NEVER } from "./time";

export { keepHelloName } from "./apps/tls";
export { makeRoom, rowsStart } from "./memory";
export { endCapture, innerRow, outerRow } from "./meter";
export { fieldNumber, fieldText, flushRecords, recordText, startRecords, writeRow } from "./record/writer";
export { advance as letTimePass } from "./table/table";
export { deepVlans } from "./table/vlans";
export { framesTraced, takeFrames, takeRecords } from "./walk";

/** Begins: to be called once, after the options are set. @returns false when the tables alone do not fit into 4 GB */
export function begin(): bool {
  const slots = slotsFor(options.maxRows);
  if (!layOut(options.maxRows, slots)) return false;
  counters.firstTime = NEVER;
  beginIndex(slots);
  limitRows(options.maxRows);
  return true;
}

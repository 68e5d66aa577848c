/** Why connections end, in the order of the REASON_ numbers (engine/table/row.ts). */
export const CLOSE_REASONS = ["", "fin", "rst", "idle", "attempt", "reuse", "eof", "evicted"] as const;

/** Bits of a row's `labelBits`. */

/** It changed to TLS. */
export const STARTED_TLS: i32 = 1;
/** The host keeps something of it. */
export const KEPT_BY_HOST: i32 = 2;

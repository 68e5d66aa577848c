/** Bits of a row's `labelBits`. */

/** It changed to TLS. */
export const STARTED_TLS: i32 = 1;
/** The host keeps something of it. */
export const KEPT_BY_HOST: i32 = 2;
/** HTTP: the headers of a request of this side go on in its next segment. */
export const HEADERS_OF_ORIGINATOR: i32 = 4;
export const HEADERS_OF_RESPONDER: i32 = 8;
/** HTTP: a CONNECT was asked for, behind which TLS may begin. */
export const MAY_BE_TUNNEL: i32 = 16;
/** Another connection has announced it. */
export const ANNOUNCED: i32 = 32;

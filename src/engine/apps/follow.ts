/** What a protocol's `follow` says of the connection it was asked about. */

/** There is more to find out. */
export const AGAIN: i32 = 0;
/** There is nothing more to find out. */
export const DONE: i32 = 1;
/** What is looked for may come as long as the connection lasts. */
export const ALWAYS: i32 = 2;

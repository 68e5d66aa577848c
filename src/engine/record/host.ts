/** What record writing asks of the host (host/engine.ts). */

/** Takes pieces of records away: `length` bytes at `at`, which are written anew afterwards. */
export declare function takeRecords(at: i32, length: i32): void;

/** What is exported: connection records, as the engine gives them (docs/reference/conn-records.md). */
export type { ConnectionRecord } from "../capture/flow/read-connections.ts";

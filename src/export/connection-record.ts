/** What is exported: connection records, as the engine gives them (docs/reference/conn-records.md). */
export type { ConnectionRecord } from "../engine/host/connection-record.ts";

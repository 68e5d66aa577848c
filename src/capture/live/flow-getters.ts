/** What the views need of flows besides their numbers, which the flow table itself has. */
import { textField } from "../../engine/host/fields.ts";
import type { Rows } from "../../engine/host/rows.ts";

/** What records say of a flow in words; undefined where there is nothing to say. */
export interface FlowTexts {
  service(row: number): string | undefined;
  app(row: number): string | undefined;
  /** How the application was found: "payload", "port", "parent". */
  basis(row: number): string | undefined;
  serverName(row: number): string | undefined;
  state(row: number): string;
  history(row: number): string;
}

export function flowTexts(table: Rows): FlowTexts {
  const state = textField(table, "conn_state");
  const history = textField(table, "history");
  return {
    service: textField(table, "service"),
    app: textField(table, "app"),
    basis: textField(table, "service_basis"),
    serverName: textField(table, "server_name"),
    state: (row) => state(row) ?? "",
    history: (row) => history(row) ?? "",
  };
}

/** Zeek's duration of a row, milliseconds. */
export function durationMs(table: Rows, row: number): number {
  return table.duration(row) * 1000;
}

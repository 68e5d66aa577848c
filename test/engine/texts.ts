/** What records say of a row in words. */
import { textField } from "../../src/engine/host/fields.ts";
import type { Rows } from "../../src/engine/host/rows.ts";

export function textsOf(table: Rows) {
  return {
    service: textField(table, "service"),
    app: textField(table, "app"),
    basis: textField(table, "service_basis"),
    serverName: textField(table, "server_name"),
    state: textField(table, "conn_state"),
    history: textField(table, "history"),
  };
}

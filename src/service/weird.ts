/** weird.log: what contradicts a protocol, under Zeek's names where it has one. */
import { CONNECTION_FIELDS, logSchema } from "./log/schema.ts";

export const weirdLog = logSchema("weird", {
  ...CONNECTION_FIELDS,
  name: "string",
  addl: "string",
  notice: "bool",
  peer: "string",
  source: "string",
});

/**
 * What a protocol log holds: its name and its fields with Zeek's types (docs.zeek.org, "Log Files"). A protocol declares its
 * logs in its own file; writers and readers need nothing else.
 */

/** Zeek's types that occur in logs. `port`, `count` and `int` are numbers; `time` and `interval` are nanoseconds. */
export type ZeekScalar = "time" | "interval" | "string" | "addr" | "port" | "enum" | "count" | "int" | "bool";
export type ZeekType = ZeekScalar | `vector[${ZeekScalar}]` | `set[${ZeekScalar}]`;

export interface LogField {
  readonly name: string;
  readonly type: ZeekType;
}

/**
 * A value of a row. Text that came from the network is a string with one character a byte (latin1), so that nothing of it is
 * lost; the writers decide what of it is UTF-8. Absent: unset.
 */
export type LogValue = string | number | bigint | boolean | readonly LogValue[] | undefined;

export type LogRow = Readonly<Record<string, LogValue>>;

export interface LogSchema {
  /** Zeek's name of the log, without `.log`. */
  readonly path: string;
  readonly fields: readonly LogField[];
}

/** A log's schema from rows of `name type`, in order. */
export function logSchema(path: string, fields: Readonly<Record<string, ZeekType>>): LogSchema {
  return { path, fields: Object.entries(fields).map(([name, type]) => ({ name, type })) };
}

/** The fields with which nearly every log begins. */
export const CONNECTION_FIELDS = {
  ts: "time",
  uid: "string",
  "id.orig_h": "addr",
  "id.orig_p": "port",
  "id.resp_h": "addr",
  "id.resp_p": "port",
} as const satisfies Record<string, ZeekType>;

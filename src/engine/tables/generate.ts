/**
 * Modules of the engine (AssemblyScript) that are made of the tables: what the protocols, applications and fields are called, how a payload
 * is compared with one application after another, how a record is written. The build writes them to `engine/generated/`.
 */
import { APPS, type App, type Transport } from "./apps.ts";
import { CLOSE_REASONS } from "./close-reasons.ts";
import { type ConnectionField, FIELDS } from "./fields.ts";
import { PROTOCOLS, type Protocol } from "./protocols.ts";
import { TUNNELS } from "./tunnels.ts";
import { CONN_STATES, SERVICE_BASES } from "./words.ts";

const apps: readonly App[] = APPS;
const fields: readonly ConnectionField[] = FIELDS;
const protocols: readonly Protocol[] = PROTOCOLS;

const HEAD = "// Made by the build from src/engine/tables: change the tables, not this.\n";
/** Bytes of a prepared text: its length, then its characters. */
const PREPARED = 32;

/** `netbios-dgm` as `NETBIOS_DGM`. */
const constant = (name: string) => name.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_");
/** `id.orig_h` as `idOrigH`, `netbios-dgm` as `netbiosDgm`. */
const camel = (name: string) => name.replaceAll(/[^A-Za-z0-9]+(.)/g, (_, next: string) => next.toUpperCase());

/** The modules by their file names. */
export function tableModules(): Record<string, string> {
  return {
    "apps.ts": appsModule(),
    "heads.ts": headsModule(),
    "matching.ts": matchingModule(),
    "protocols.ts": protocolsModule(),
    "record.ts": recordModule(),
    "words.ts": wordsModule(),
  };
}

/** A table of prepared texts, in their order. */
function texts(name: string, list: readonly string[]): string {
  const rows = list.map((text) => {
    if (text.length >= PREPARED) throw new Error(`'${text}' is longer than ${PREPARED - 1} characters`);
    const bytes = [text.length, ...Buffer.from(text, "latin1")];
    while (bytes.length < PREPARED) bytes.push(0);
    return `  ${bytes.join(",")}, // ${JSON.stringify(text)}`;
  });
  return `const ${name}: usize = memory.data<u8>([\n${rows.join("\n")}\n]);\n`;
}

/** A function from a number to what `value` makes of it; `otherwise` for all others. */
function choice(head: string, cases: readonly (readonly [number | string, string])[], otherwise: string): string {
  const lines = cases.map(([when, then]) => `    case ${when}:\n      return ${then};`);
  return `${head} {\n  switch (${/\((\w+)/.exec(head)![1]}) {\n${lines.join("\n")}\n    default:\n      return ${otherwise};\n  }\n}\n`;
}

/** Numbers of protocols, and what records call them. */
function protocolsModule(): string {
  const own = protocols.flatMap(({ proto }) => proto ?? []);
  const words = [...new Set(["unknown_transport", ...own])];
  const word = (name: string | undefined) => `WORDS + ${PREPARED * words.indexOf(name ?? "unknown_transport")}`;
  return [
    HEAD,
    ...protocols.map(({ number, name }) => `export const ${constant(name)}: i32 = ${number};\n`),
    "\n",
    texts("WORDS", words),
    "\n/** What records call a protocol: a prepared text. */\n",
    choice(
      "export function protoText(protocol: i32): usize",
      protocols.filter(({ proto }) => proto).map(({ number, proto }) => [number, word(proto)]),
      word(undefined),
    ),
    "\n/** What Zeek calls it. */\n",
    choice(
      "export function zeekProtoText(protocol: i32): usize",
      protocols.filter(({ proto, zeek }) => proto && !zeek).map(({ number, proto }) => [number, word(proto)]),
      word(undefined),
    ),
    "\n/** Whether it has ports, of which Zeek knows nothing. */\n",
    choice(
      "export function hidesPortsFromZeek(protocol: i32): bool",
      protocols.filter(({ zeek, hasPorts }) => zeek && hasPorts).map(({ number }) => [number, "true"]),
      "false",
    ),
  ].join("");
}

/** Numbers, names and ports of applications. */
function appsModule(): string {
  const service = ({ service }: App, transport: Transport) =>
    (typeof service === "object" ? service[transport] : service) ?? "";
  const services = (transport: Transport, more: string) => [
    "",
    ...apps.map((app) => (service(app, transport) ? service(app, transport) + more : "")),
  ];
  const ports = (transport: Transport) => {
    const known = new Map<number, string>();
    for (const app of apps) {
      for (const port of app[transport] ?? []) if (!known.has(port)) known.set(port, constant(app.name));
    }
    return [...known].sort(([a], [b]) => a - b);
  };
  return [
    HEAD,
    ...apps.map((app, index) => `export const ${constant(app.name)}: i32 = ${index + 1};\n`),
    "\n",
    texts("APP", ["", ...apps.map((app) => app.app ?? app.name)]),
    texts("SERVICE_OVER_TCP", services("tcp", "")),
    texts("SERVICE_OVER_UDP", services("udp", "")),
    texts("SERVICE_THEN_TLS", services("tcp", ",ssl")),
    "\n/** `app` in records: a prepared text. */\n",
    "export function appText(app: i32): usize {\n  return APP + (<usize>app << 5);\n}\n",
    "\n/** `service` in records. */\n",
    "export function serviceText(app: i32, overTcp: bool, thenTls: bool): usize {\n",
    "  const table = thenTls ? SERVICE_THEN_TLS : overTcp ? SERVICE_OVER_TCP : SERVICE_OVER_UDP;\n",
    "  return table + (<usize>app << 5);\n}\n",
    "\n/** What usually listens on a port, 0 for nothing known. */\n",
    choice("export function appOfTcpPort(port: i32): i32", ports("tcp"), "0"),
    choice("export function appOfUdpPort(port: i32): i32", ports("udp"), "0"),
    "\n/** Whether the connection may go on as TLS. */\n",
    choice(
      "export function mayStartTls(app: i32): bool",
      apps.filter((app) => app.mayStartTls).map((app) => [constant(app.name), "true"]),
      "false",
    ),
    "\n/** Whether another protocol may follow. */\n",
    choice(
      "export function mayChange(app: i32): bool",
      apps.filter((app) => app.mayChange || app.mayStartTls).map((app) => [constant(app.name), "true"]),
      "false",
    ),
    "\n/** What the tunnel's carrier is called, 0 for none. */\n",
    choice(
      "export function appOfTunnel(tunnel: i32): i32",
      apps.flatMap((app) => (app.carries ? [[tunnelNumber(app.carries), constant(app.name)] as const] : [])),
      "0",
    ),
  ].join("");
}

/** A payload compared with one application after another, and what each of them looks for once it is known. */
function matchingModule(): string {
  const files = apps.filter((app) => app.recognised || app.follows);
  const match = (transport: Transport, call: string) =>
    apps
      .filter((app) => app.recognised?.includes(transport))
      .map((app) => `  if (${camel(app.name)}.${call}()) return number.${constant(app.name)};\n`)
      .join("");
  const followed = apps.filter((app) => app.follows || app.mayStartTls);
  return [
    HEAD,
    'import { AGAIN, DONE } from "../apps/follow";\n',
    ...files.map(({ name }) => `import * as ${camel(name)} from "../apps/${name}";\n`),
    'import * as number from "./apps";\n',
    'import { Row } from "./layouts";\n',
    "\n/** The app of a segment's payload, which is not empty; 0 when none is sure. */\n",
    `export function tcpApp(): i32 {\n${match("tcp", "overTcp")}  return 0;\n}\n`,
    "\n/** The same of a datagram's; at least two bytes of it were captured. */\n",
    `export function udpApp(): i32 {\n${match("udp", "overUdp")}  return 0;\n}\n`,
    "\n/** Looks for more in the payload of a connection whose app is known: AGAIN, DONE or ALWAYS. */\n",
    "export function follow(row: Row): i32 {\n  switch (row.app) {\n",
    ...followed.map(
      ({ name, follows }) =>
        `    case number.${constant(name)}:\n      return ${follows ? `${camel(name)}.follow(row)` : "AGAIN"};\n`,
    ),
    "    default:\n      return DONE;\n  }\n}\n",
  ].join("");
}

function tunnelNumber(name: string): number {
  const index = TUNNELS.findIndex((tunnel) => tunnel.name === name);
  if (index < 0) throw new Error(`no tunnel is called ${name}`);
  return index + 1;
}

/** The numbers of words and their prepared texts. */
function wordsModule(): string {
  const words = (list: readonly string[], prefix: string, first: number) =>
    list.slice(first).map((word, i) => `export const ${prefix}${constant(word)}: i32 = ${i + first};\n`);
  const text = (name: string, table: string) =>
    `export function ${name}(number: i32): usize {\n  return ${table} + (<usize>number << 5);\n}\n`;
  return [
    HEAD,
    ...words(CONN_STATES, "", 0),
    ...words(SERVICE_BASES, "BASIS_", 1),
    "export const BASIS_NONE: i32 = 0;\n\n",
    texts("CONN_STATE", CONN_STATES),
    texts("CLOSE_REASON", CLOSE_REASONS),
    texts("SERVICE_BASIS", SERVICE_BASES),
    texts("TUNNEL", ["", ...TUNNELS.map(({ name }) => name)]),
    "\n",
    text("connStateText", "CONN_STATE"),
    text("closeReasonText", "CLOSE_REASON"),
    text("serviceBasisText", "SERVICE_BASIS"),
    text("tunnelText", "TUNNEL"),
  ].join("");
}

/** What stands before each field in JSON. */
function headsModule(): string {
  const heads = fields.map((field) =>
    field.zeek === undefined ? "" : `,"${field.name}":${isQuoted(field) ? '"' : ""}`,
  );
  return `${HEAD}${texts("HEADS", heads)}
export function fieldHead(field: i32): usize {
  return HEADS + (<usize>field << 5);
}
`;
}

function isQuoted({ kind }: ConnectionField): boolean {
  return kind === "nanoseconds" || kind === "name" || kind === "string" || kind === "text";
}

/** A record's fields one after another, and each field alone. */
function recordModule(): string {
  const written = fields.filter((field) => field.zeek !== undefined);
  const lines = (list: readonly ConnectionField[]) => list.map((field) => `  ${writing(field)}\n`).join("");
  const each = (value: (field: ConnectionField) => string | undefined) =>
    fields
      .flatMap((field, i) => value(field)?.replace(/^/, `    case ${i}:\n      `) ?? [])
      .map((line) => `${line}\n`)
      .join("");
  return [
    HEAD,
    'import * as format from "../record/format";\n',
    'import * as text from "../record/text";\n',
    'import * as texts from "../record/texts";\n',
    'import * as values from "../record/values";\n',
    'import { Row } from "./layouts";\n',
    "\n/** Writes the fields of conn.log. */\n",
    `export function writeConnLog(row: Row): void {\n${lines(written.filter((field) => field.zeek !== null))}}\n`,
    "\n/** Writes those that only JSON and CSV have. */\n",
    `export function writeMore(row: Row): void {\n${lines(written.filter((field) => field.zeek === null))}}\n`,
    "\n/** A field's value as a number, times and intervals in seconds; NaN where it is unset or none. */\n",
    "export function numberOf(field: i32, row: Row): f64 {\n  switch (field) {\n",
    each(numeric),
    "    default:\n      return NaN;\n  }\n}\n",
    "\n/** Writes a field's value that is text. @returns false where it is unset or none */\n",
    "export function writeText(field: i32, row: Row): bool {\n  switch (field) {\n",
    each(textual),
    "    default:\n      return false;\n  }\n}\n",
  ].join("");
}

/** The statement that writes a field. */
function writing(field: ConnectionField): string {
  const number = fields.indexOf(field);
  const name = camel(field.name);
  const value = `values.${name}(row)`;
  switch (field.kind) {
    case "time":
      return `format.seconds(${number}, ${value});`;
    case "interval":
      return `format.optionalSeconds(${number}, ${value});`;
    case "count":
      return `format.${field.optional ? "optionalCount" : "count"}(${number}, ${value});`;
    case "bool":
      return `format.flag(${number}, ${value});`;
    case "nanoseconds":
    case "name":
      return `format.${field.kind}(${number}, ${value});`;
    default:
      return `format.open(${number});\n  format.finish(texts.${name}(row), ${isQuoted(field)});`;
  }
}

/** The expression of a field's value as a number. */
function numeric({ name, kind }: ConnectionField): string | undefined {
  const value = `values.${camel(name)}(row)`;
  if (kind === "count") return `return format.numberOrNaN(${value});`;
  if (kind === "bool") return `return <f64>${value};`;
  return kind === "time" || kind === "interval" || kind === "nanoseconds" ? `return <f64>${value} / 1e9;` : undefined;
}

function textual({ name, kind }: ConnectionField): string | undefined {
  if (kind === "name") return `return text.prepared(values.${camel(name)}(row));`;
  return kind === "string" || kind === "text" || kind === "strings" || kind === "numbers"
    ? `return texts.${camel(name)}(row);`
    : undefined;
}

/** Display filters over the rows of logs: the language of `flows --where` (docs/reference/display-filter.md), on the fields that the log has. */
import { compile, type Predicate, type Subject } from "../../capture/filter/display-compile.ts";
import { type DisplayField, type FieldSet, PROTOCOL_WORDS } from "../../capture/filter/display-fields.ts";
import { parseDisplayFilter } from "../../capture/filter/display-parser.ts";
import { type Network, parseIpv4, parseIpv6 } from "../../capture/filter/display-values.ts";
import { Column, type Row } from "./row.ts";
import { elementsOf, numberOf, textOf } from "./values.ts";

/**
 * The predicate of a display filter over rows; the empty filter lets everything pass.
 * @param known the names of fields; null when they are not known yet: then every name that is compared is one
 * @throws FilterError where the filter is wrong
 */
export function rowFilter(text: string, known: readonly string[] | null): Predicate<Row> {
  const expression = parseDisplayFilter(text, fieldsOf(known));
  return expression ? compile(expression, ROWS) : () => true;
}

function fieldsOf(known: readonly string[] | null): FieldSet {
  const field = (name: string): DisplayField => ({ name, type: "any", of: "flow", about: "" });
  return {
    names: known ?? [],
    get(name) {
      if (known === null) return /^[A-Za-z_]\w*(?:\.\w+)*$/.test(name) ? field(name) : undefined;
      const exact = known.includes(name) ? name : known.find((one) => one.toLowerCase() === name.toLowerCase());
      return exact === undefined ? undefined : field(exact);
    },
    looksLikeField: () => false,
  };
}

const PROTO = new Column("proto");
const ENDS = [
  { address: new Column("id.orig_h"), port: new Column("id.orig_p") },
  { address: new Column("id.resp_h"), port: new Column("id.resp_p") },
] as const;

const addressOf = (row: Row, end: 0 | 1): Network | undefined => {
  const { address } = ENDS[end];
  if (!address.in(row)) return undefined;
  const text = textOf(row, address.of(row));
  return parseIpv4(text) ?? parseIpv6(text);
};
const wordOf = (end: 0 | 1) => (row: Row, word: number) => addressOf(row, end)?.words[word] ?? 0;
const portOf = (end: 0 | 1) => (row: Row) => {
  const { port } = ENDS[end];
  return port.in(row) ? numberOf(row, port.of(row)) : -1;
};

const ROWS: Subject<Row> = {
  name: "logs",
  access({ name }) {
    const column = new Column(name);
    return {
      kind: "any",
      texts(row) {
        const index = column.of(row);
        return row.has(index) ? elementsOf(row, index).map(boolean) : undefined;
      },
    };
  },
  protocol: (row) => (PROTO.in(row) ? (PROTOCOL_WORDS.get(textOf(row, PROTO.of(row))) ?? -1) : -1),
  version: (row) => {
    const address = addressOf(row, 0);
    return address === undefined ? 0 : address.words.length === 1 ? 4 : 6;
  },
  hasPorts: (row) => ENDS[1].port.in(row),
  ports: [portOf(0), portOf(1)],
  addresses: [wordOf(0), wordOf(1)],
  text: (row) => row.buffer.toString("utf8", row.start, row.end).toLowerCase(),
};

/** Truth is written T in TSV and true in JSON: a filter may say either. */
function boolean(text: string): string {
  return text === "true" ? "T" : text === "false" ? "F" : text;
}

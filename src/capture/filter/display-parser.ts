/**
 * The display filter's language, a strict subset of Wireshark's with a few shorthands (docs/reference/display-filter.md):
 *
 *     expr = or ; or = and {("or"|"||") and} ; and = not {["and"|"&&"] not} ; not = ["not"|"!"] prim
 *     prim = "(" expr ")" | field [op value] | shorthand | word | "quoted"
 *     op   = == != > >= < <= contains matches in {..}      shorthand = host X, net CIDR, port N, a protocol
 */
import { UsageError } from "../../core/errors.ts";
import { DISPLAY_FIELD_SET, type DisplayField, type FieldSet, nearestName, PROTOCOL_WORDS } from "./display-fields.ts";
import { type Network, parseIpv4, parseIpv6, parseMac, parseNumber, parseSeconds } from "./display-values.ts";

export type Comparison = "==" | "!=" | ">" | ">=" | "<" | "<=";

/** What a field's values are held against. Several of `in {…}` are alternatives. */
export type Operand =
  | { readonly kind: "range"; readonly from: number; readonly to: number }
  | { readonly kind: "network"; readonly network: Network }
  | { readonly kind: "mac"; readonly bytes: readonly number[] }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "contains"; readonly text: string }
  | { readonly kind: "matches"; readonly pattern: RegExp };

export type Expression =
  | { readonly kind: "and" | "or"; readonly parts: readonly Expression[] }
  | { readonly kind: "not"; readonly part: Expression }
  | { readonly kind: "present"; readonly field: DisplayField }
  | { readonly kind: "any"; readonly field: DisplayField; readonly operands: readonly Operand[] }
  /** Wireshark's `!=`: the field is there, and none of its values is equal. */
  | { readonly kind: "none"; readonly field: DisplayField; readonly operands: readonly Operand[] }
  | { readonly kind: "protocol"; readonly numbers: readonly number[]; readonly version: 0 | 4 | 6 }
  | { readonly kind: "port"; readonly port: number }
  | { readonly kind: "host"; readonly network: Network }
  | { readonly kind: "word"; readonly text: string };

/** What is wrong with a filter, and where: column 1 is its first character. */
export class FilterError extends UsageError {
  readonly column: number;

  constructor(column: number, message: string) {
    super(`col ${column}: ${message}`, { hint: "the language: docs/reference/display-filter.md" });
    this.column = column;
  }
}

interface Token {
  readonly kind: "word" | "quoted" | "sign" | "end";
  readonly text: string;
  readonly column: number;
}

const OPERATOR_WORDS: Record<string, string> = { eq: "==", ne: "!=", gt: ">", ge: ">=", lt: "<", le: "<=" };
const OPERATORS = new Set(["==", "!=", ">", ">=", "<", "<=", "contains", "matches", "in"]);
/** How deep parentheses and `not` may nest. */
const MAX_DEPTH = 100;

function tokens(text: string): Token[] {
  const found: Token[] = [];
  const pattern = /\s+|(&&|\|\||==|!=|>=|<=|[><!(){},])|"((?:[^"\\]|\\.)*)"|([^\s(){},=!<>&|"]+)/y;
  for (let at = 0; at < text.length; at = pattern.lastIndex) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    const column = at + 1;
    if (!match) {
      if (text[at] === '"') throw new FilterError(column, "this quotation mark is never closed");
      throw new FilterError(column, `unexpected '${text[at]}'${text[at] === "=" ? ", did you mean ==" : ""}`);
    }
    const [, sign, quoted, word] = match;
    if (sign !== undefined) found.push({ kind: "sign", text: sign, column });
    else if (quoted !== undefined) found.push({ kind: "quoted", text: quoted.replace(/\\(.)/g, "$1"), column });
    else if (word !== undefined) found.push({ kind: "word", text: word, column });
  }
  found.push({ kind: "end", text: "the end", column: text.length + 1 });
  return found;
}

/** Parses a filter over these fields; the empty one is undefined. @throws FilterError */
export function parseDisplayFilter(text: string, fields: FieldSet = DISPLAY_FIELD_SET): Expression | undefined {
  const parser = new Parser(tokens(text), fields);
  return parser.parse();
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #fields: FieldSet;
  #at = 0;
  #depth = 0;

  constructor(list: readonly Token[], fields: FieldSet) {
    this.#tokens = list;
    this.#fields = fields;
  }

  parse(): Expression | undefined {
    if (this.#peek.kind === "end") return undefined;
    const expression = this.#or();
    const rest = this.#next();
    if (rest.kind !== "end") throw new FilterError(rest.column, `unexpected '${rest.text}'`);
    return expression;
  }

  get #peek(): Token {
    return this.#tokens[this.#at]!;
  }

  #next(): Token {
    const token = this.#peek;
    if (token.kind !== "end") this.#at++;
    return token;
  }

  /** Consumes the token if it is one of these words or signs. */
  #accept(...texts: string[]): Token | undefined {
    const token = this.#peek;
    if (token.kind === "quoted" || token.kind === "end" || !texts.includes(token.text.toLowerCase())) return undefined;
    return this.#next();
  }

  #or(): Expression {
    const parts = [this.#and()];
    while (this.#accept("or", "||")) parts.push(this.#and());
    return parts.length === 1 ? parts[0]! : { kind: "or", parts };
  }

  #and(): Expression {
    const parts = [this.#not()];
    for (;;) {
      if (this.#accept("and", "&&")) parts.push(this.#not());
      else if (this.#startsPrimary()) parts.push(this.#not());
      else return parts.length === 1 ? parts[0]! : { kind: "and", parts };
    }
  }

  #startsPrimary(): boolean {
    const { kind, text } = this.#peek;
    if (kind === "sign") return text === "(" || text === "!";
    return kind === "quoted" || (kind === "word" && text.toLowerCase() !== "or");
  }

  #not(): Expression {
    const token = this.#peek;
    if (++this.#depth > MAX_DEPTH) throw new FilterError(token.column, "nested too deeply");
    const expression: Expression = this.#accept("not", "!") ? { kind: "not", part: this.#not() } : this.#primary();
    this.#depth--;
    return expression;
  }

  #primary(): Expression {
    const open = this.#accept("(");
    if (open) {
      const inner = this.#or();
      if (!this.#accept(")")) throw new FilterError(open.column, "this parenthesis is never closed");
      return inner;
    }
    const token = this.#next();
    if (token.kind === "quoted") return { kind: "word", text: token.text };
    if (token.kind !== "word" || ["and", "or"].includes(token.text.toLowerCase())) {
      throw new FilterError(token.column, `a field or a word is missing before '${token.text}'`);
    }
    // A log may have a field called `host`: it is one where it is compared.
    const shorthand = this.#operatorAhead() === undefined ? this.#shorthand(token) : undefined;
    return shorthand ?? this.#field(token) ?? this.#word(token);
  }

  #field(token: Token): Expression | undefined {
    const field = this.#fields.get(token.text);
    const operator = this.#operatorAhead();
    if (!field) {
      if (operator === undefined && !this.#fields.looksLikeField(token.text)) return undefined;
      const near = nearestName(token.text, this.#fields.names);
      throw new FilterError(token.column, `unknown field ${token.text}${near ? `, did you mean ${near}` : ""}`);
    }
    if (operator === undefined) return { kind: "present", field };
    const sign = this.#next();
    if (operator === "in") return { kind: "any", field, operands: this.#set(field, sign) };
    const value = this.#value(field, operator);
    const operands = [operandOf(field, operator, value)];
    return { kind: operator === "!=" ? "none" : "any", field, operands };
  }

  #operatorAhead(): string | undefined {
    const { kind, text } = this.#peek;
    if (kind !== "sign" && kind !== "word") return undefined;
    const operator = OPERATOR_WORDS[text.toLowerCase()] ?? text.toLowerCase();
    return OPERATORS.has(operator) ? operator : undefined;
  }

  #value(field: DisplayField, operator: string): Token {
    const token = this.#next();
    if (token.kind === "word" || token.kind === "quoted") return token;
    throw new FilterError(token.column, `a value is missing after ${field.name} ${operator}`);
  }

  #set(field: DisplayField, sign: Token): Operand[] {
    if (!this.#accept("{")) throw new FilterError(this.#peek.column, `'in' wants a set: ${field.name} in {a b c..d}`);
    const operands: Operand[] = [];
    for (;;) {
      if (this.#accept("}")) break;
      this.#accept(",");
      const token = this.#next();
      if (token.kind === "sign" && token.text === "}") break;
      if (token.kind !== "word" && token.kind !== "quoted")
        throw new FilterError(sign.column, "this set is never closed");
      operands.push(operandOf(field, "in", token));
    }
    if (operands.length === 0) throw new FilterError(sign.column, "this set is empty");
    return operands;
  }

  #shorthand(token: Token): Expression | undefined {
    const name = token.text.toLowerCase();
    const number = PROTOCOL_WORDS.get(name);
    if (number !== undefined) return { kind: "protocol", numbers: [number], version: 0 };
    if (name === "ip") return { kind: "protocol", numbers: [], version: 4 };
    if (name === "ip6" || name === "ipv6") return { kind: "protocol", numbers: [], version: 6 };
    if (!["host", "net", "port"].includes(name) || this.#peek.kind !== "word") return undefined;
    const value = this.#next();
    if (name === "port") {
      const port = parseNumber(value.text);
      if (port === undefined || !(port >= 0 && port <= 65_535)) {
        throw new FilterError(value.column, `'${value.text}' is not a port`);
      }
      return { kind: "port", port };
    }
    const network = parseIpv4(value.text) ?? parseIpv6(value.text);
    if (!network) {
      const what = name === "host" ? "an IP address" : "a network such as 10.0.0.0/8";
      throw new FilterError(value.column, `'${value.text}' is not ${what}`);
    }
    return { kind: "host", network };
  }

  #word(token: Token): Expression {
    return { kind: "word", text: token.text };
  }
}

function operandOf(field: DisplayField, operator: string, token: Token): Operand {
  const { text, column } = token;
  const wrong = (what: string) =>
    new FilterError(column, `'${text}' is not ${what}, which ${field.name} is compared with`);
  if (operator === "contains" || operator === "matches") {
    if (field.type !== "text" && field.type !== "any") {
      throw new FilterError(column, `'${operator}' is for text, but the values of ${field.name} are not text`);
    }
    if (operator === "contains") return { kind: "contains", text };
    try {
      return { kind: "matches", pattern: new RegExp(text, "iu") };
    } catch {
      throw new FilterError(column, `'${text}' is not a regular expression`);
    }
  }
  const ordered = operator !== "==" && operator !== "!=" && operator !== "in";
  switch (field.type) {
    case "number":
    case "duration": {
      const parse = field.type === "number" ? parseNumber : parseSeconds;
      const [low, high] = operator === "in" && text.includes("..") ? text.split("..", 2) : [text, text];
      const [from, to] = [parse(low!), parse(high!)];
      if (from === undefined || to === undefined) {
        throw wrong(field.type === "number" ? "a number" : "a duration (10, 500ms, 5m)");
      }
      return range(operator, from, to);
    }
    case "flag": {
      const value = { "1": 1, "0": 0, true: 1, false: 0 }[text.toLowerCase()];
      if (value === undefined) throw wrong("1 or 0");
      return range(operator, value, value);
    }
    case "text":
      if (ordered) throw new FilterError(column, `${field.name} is text: it has no order`);
      return { kind: "text", text };
    case "any":
      return anyOperand(operator, token, wrong);
    case "mac": {
      const bytes = parseMac(text);
      if (!bytes) throw wrong("a MAC address");
      if (ordered) throw new FilterError(column, `${field.name} is an address: it has no order`);
      return { kind: "mac", bytes };
    }
    case "ipv4":
    case "ipv6": {
      const v4 = field.type === "ipv4";
      const network = v4 ? parseIpv4(text) : parseIpv6(text);
      if (!network) {
        const other = v4 ? parseIpv6(text) : parseIpv4(text);
        const way = other ? ` (for it there is ${field.name.replace(/^ip(v6)?/, v4 ? "ipv6" : "ip")})` : "";
        throw wrong(`an ${v4 ? "IPv4" : "IPv6"} address or network${way}`);
      }
      if (ordered) throw new FilterError(column, `${field.name} is an address: it has no order`);
      return { kind: "network", network };
    }
  }
}

/** Text in quotation marks is text; else a number, a duration or a network where it reads as one. */
function anyOperand(operator: string, { kind, text }: Token, wrong: (what: string) => FilterError): Operand {
  const [low, high] = operator === "in" && text.includes("..") ? text.split("..", 2) : [text, text];
  const number = (part: string) => parseNumber(part) ?? parseSeconds(part);
  const [from, to] = kind === "quoted" ? [] : [number(low!), number(high!)];
  if (from !== undefined && to !== undefined) return range(operator, from, to);
  if (operator.startsWith("<") || operator.startsWith(">")) throw wrong("a number or a duration (10, 500ms, 5m)");
  const network = kind === "quoted" ? undefined : (parseIpv4(text) ?? parseIpv6(text));
  return network ? { kind: "network", network } : { kind: "text", text };
}

/** The closed interval that a comparison means. */
function range(operator: string, from: number, to: number): Operand {
  switch (operator) {
    case ">":
      return { kind: "range", from: above(from), to: Number.POSITIVE_INFINITY };
    case ">=":
      return { kind: "range", from, to: Number.POSITIVE_INFINITY };
    case "<":
      return { kind: "range", from: Number.NEGATIVE_INFINITY, to: -above(-from) };
    case "<=":
      return { kind: "range", from: Number.NEGATIVE_INFINITY, to: from };
    default:
      return { kind: "range", from, to };
  }
}

/** The next double above a number. */
function above(value: number): number {
  if (value === 0) return Number.MIN_VALUE;
  const bits = new BigInt64Array(new Float64Array([value]).buffer);
  bits[0]! += value > 0 ? 1n : -1n;
  return new Float64Array(bits.buffer)[0]!;
}

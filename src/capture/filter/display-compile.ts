/** Turns a display filter into a predicate over anything whose fields can be read: a row of the flow table, a packet. */
import { UsageError } from "../../core/errors.ts";
import type { DisplayField } from "./display-fields.ts";
import type { Expression, Operand } from "./display-parser.ts";
import { type Network, parseIpv4, parseIpv6 } from "./display-values.ts";

export type Predicate<S> = (subject: S) => boolean;

/** How the values of a field are read. A field may have several (both ports); `present` says whether there are any. */
export type Access<S> =
  | { readonly kind: "number"; readonly present: Predicate<S>; readonly values: readonly ((subject: S) => number)[] }
  /** Word 0 to 3 of an address, most significant first. */
  | {
      readonly kind: "address";
      readonly present: Predicate<S>;
      readonly values: readonly ((subject: S, word: number) => number)[];
    }
  /** Byte 0 to 5 of a MAC address. */
  | {
      readonly kind: "mac";
      readonly present: Predicate<S>;
      readonly values: readonly ((subject: S, byte: number) => number)[];
    }
  | { readonly kind: "text"; readonly value: (subject: S) => string | undefined }
  /** Values as text, whatever they are; undefined when there are none. */
  | { readonly kind: "any"; readonly texts: (subject: S) => readonly string[] | undefined };

export interface Subject<S> {
  /** "flows" or "packets", for messages. */
  readonly name: string;
  /** Undefined for a field that these subjects do not have. */
  access(field: DisplayField): Access<S> | undefined;
  protocol(subject: S): number;
  /** 4 or 6; 0 for what is not IP. */
  version(subject: S): number;
  hasPorts(subject: S): boolean;
  readonly ports: readonly ((subject: S) => number)[];
  readonly addresses: readonly ((subject: S, word: number) => number)[];
  /** Everything a person sees of it, in lower case. */
  text(subject: S): string;
}

/** @throws UsageError for a field that these subjects do not have. */
export function compile<S>(expression: Expression, subject: Subject<S>): Predicate<S> {
  switch (expression.kind) {
    case "and": {
      const parts = expression.parts.map((part) => compile(part, subject));
      return (s) => parts.every((part) => part(s));
    }
    case "or": {
      const parts = expression.parts.map((part) => compile(part, subject));
      return (s) => parts.some((part) => part(s));
    }
    case "not": {
      const part = compile(expression.part, subject);
      return (s) => !part(s);
    }
    case "present": {
      const access = accessOf(expression.field, subject);
      if (access.kind === "text") return (s) => access.value(s) !== undefined;
      if (access.kind === "any") return (s) => access.texts(s) !== undefined;
      // A flag that stands alone asks whether it is set.
      if (expression.field.type === "flag" && access.kind === "number") {
        const [value] = access.values;
        return (s) => access.present(s) && value!(s) !== 0;
      }
      return access.present;
    }
    case "any":
      return anyOf(accessOf(expression.field, subject), expression.operands);
    case "none": {
      const access = accessOf(expression.field, subject);
      const equal = anyOf(access, expression.operands);
      if (access.kind === "text") return (s) => access.value(s) !== undefined && !equal(s);
      if (access.kind === "any") return (s) => access.texts(s) !== undefined && !equal(s);
      return (s) => access.present(s) && !equal(s);
    }
    case "protocol": {
      const { numbers, version } = expression;
      if (numbers.length === 0) return (s) => subject.version(s) === version;
      return (s) => numbers.includes(subject.protocol(s));
    }
    case "port": {
      const { port } = expression;
      const [a, b] = subject.ports;
      return (s) => subject.hasPorts(s) && (a!(s) === port || b!(s) === port);
    }
    case "host": {
      const { network } = expression;
      const version = network.words.length === 1 ? 4 : 6;
      const [a, b] = subject.addresses;
      return (s) => subject.version(s) === version && (inNetwork(s, a!, network) || inNetwork(s, b!, network));
    }
    case "word": {
      const text = expression.text.toLowerCase();
      return (s) => subject.text(s).includes(text);
    }
  }
}

function accessOf<S>(field: DisplayField, subject: Subject<S>): Access<S> {
  const access = subject.access(field);
  if (access) return access;
  throw new UsageError(`${field.name} is not a field of ${subject.name}`, {
    hint: "the fields: docs/reference/display-filter.md",
  });
}

function anyOf<S>(access: Access<S>, operands: readonly Operand[]): Predicate<S> {
  const tests = operands.map((operand) => test(access, operand));
  return tests.length === 1 ? tests[0]! : (s) => tests.some((one) => one(s));
}

function test<S>(access: Access<S>, operand: Operand): Predicate<S> {
  if (access.kind === "number" && operand.kind === "range") {
    const { from, to } = operand;
    const { present } = access;
    const [a, b = a] = access.values;
    return (s) => {
      if (!present(s)) return false;
      const first = a!(s);
      if (first >= from && first <= to) return true;
      const second = b!(s);
      return second >= from && second <= to;
    };
  }
  if (access.kind === "address" && operand.kind === "network") {
    const { network } = operand;
    return (s) => access.present(s) && access.values.some((value) => inNetwork(s, value, network));
  }
  if (access.kind === "mac" && operand.kind === "mac") {
    const { bytes } = operand;
    return (s) => access.present(s) && access.values.some((value) => bytes.every((byte, i) => value(s, i) === byte));
  }
  if (access.kind === "text") return textTest(access.value, operand);
  if (access.kind === "any") {
    const matches = anyTest(operand);
    return (s) => access.texts(s)?.some(matches) ?? false;
  }
  throw new Error("the parser gave a field an operand of another type");
}

function textTest<S>(value: (subject: S) => string | undefined, operand: Operand): Predicate<S> {
  switch (operand.kind) {
    case "text":
      return (s) => value(s) === operand.text;
    case "contains":
      return (s) => value(s)?.includes(operand.text) ?? false;
    case "matches":
      return (s) => {
        const text = value(s);
        return text !== undefined && operand.pattern.test(text);
      };
    default:
      throw new Error("the parser gave a text field an operand of another type");
  }
}

/** Whether a text is what the operand means. */
function anyTest(operand: Operand): (text: string) => boolean {
  switch (operand.kind) {
    case "range": {
      const { from, to } = operand;
      return (text) => {
        const value = text === "" ? Number.NaN : Number(text);
        return value >= from && value <= to;
      };
    }
    case "network": {
      const { words, masks } = operand.network;
      const parse = words.length === 1 ? parseIpv4 : parseIpv6;
      return (text) => {
        const address = parse(text);
        return address !== undefined && words.every((word, i) => ((word ^ address.words[i]!) & masks[i]!) === 0);
      };
    }
    default:
      return textTest((text) => text, operand);
  }
}

function inNetwork<S>(subject: S, value: (subject: S, word: number) => number, { words, masks }: Network): boolean {
  for (let i = 0; i < words.length; i++) {
    if (((value(subject, i) ^ words[i]!) & masks[i]!) !== 0) return false;
  }
  return true;
}

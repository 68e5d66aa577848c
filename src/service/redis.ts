/** Redis (RESP): commands with their replies, as redis.log. */
import { ByteQueue } from "./byte-queue.ts";
import { latin1 } from "./cursor.ts";
import { CONNECTION_FIELDS, logSchema } from "./log/schema.ts";
import type { Connection, Parser, Protocol } from "./protocol.ts";

export const redisLog = logSchema("redis", {
  ...CONNECTION_FIELDS,
  "cmd.name": "string",
  "cmd.key": "string",
  "cmd.value": "string",
  success: "bool",
  "reply.value": "string",
});

const MAX_DEPTH = 30;
const MAX_BUFFER = 1024 * 1024;
const MAX_PENDING = 10_000;
const KEYED = new Set(["GET", "SET", "EXPIRE", "HSET", "HGET"]);

/** A RESP value as text, with the bytes it takes; 0 while it is not whole, -1 where it is none. */
interface Value {
  readonly length: number;
  readonly items: readonly string[] | null;
  readonly text: string | undefined;
  readonly isError: boolean;
  readonly isPush: boolean;
}

const NOT_YET: Value = { length: 0, items: null, text: undefined, isError: false, isPush: false };
const NEVER: Value = { ...NOT_YET, length: -1 };

function readValue(bytes: Buffer, at: number, depth: number): Value {
  if (depth > MAX_DEPTH) return NEVER;
  const feed = bytes.indexOf("\r\n", at);
  if (feed < 0) return bytes.length - at > 65_536 ? NEVER : NOT_YET;
  const line = latin1(bytes.subarray(at + 1, feed));
  const head = feed + 2 - at;
  const scalar = (text: string | undefined, isError = false): Value => ({ ...NOT_YET, length: head, text, isError });
  switch (String.fromCharCode(bytes[at]!)) {
    case "+":
    case ":":
    case ",":
    case "(":
      return scalar(line);
    case "#":
      return scalar(line === "t" ? "T" : "F");
    case "_":
      return scalar(undefined);
    case "-":
      return scalar(line, true);
    case "$":
    case "!":
    case "=": {
      const size = Number(line);
      if (size === -1) return scalar(undefined);
      if (!Number.isInteger(size) || size < 0 || size > MAX_BUFFER) return NEVER;
      const from = at + head;
      if (bytes.length < from + size + 2) return NOT_YET;
      return { ...scalar(latin1(bytes.subarray(from, from + size)), bytes[at] === 0x21), length: head + size + 2 };
    }
    case "*":
    case "~":
    case ">":
    case "%":
      return readItems(bytes, at, head, line, depth);
    default:
      return NEVER;
  }
}

function readItems(bytes: Buffer, at: number, head: number, line: string, depth: number): Value {
  const type = String.fromCharCode(bytes[at]!);
  const count = Number(line) * (type === "%" ? 2 : 1);
  if (count === -1) return { ...NOT_YET, length: head };
  if (!Number.isInteger(count) || count < 0 || count > 1_000_000) return NEVER;
  const items: string[] = [];
  let length = head;
  for (let i = 0; i < count; i++) {
    const item = readValue(bytes, at + length, depth + 1);
    if (item.length <= 0) return item;
    length += item.length;
    items.push(item.text ?? "");
  }
  return { length, items, text: `[${items.join(", ")}]`, isError: false, isPush: type === ">" };
}

interface Command {
  readonly tsNs: bigint;
  readonly name: string;
  readonly key: string | undefined;
  readonly value: string | undefined;
}

class RedisParser implements Parser {
  readonly #c: Connection;
  readonly #rest: readonly [ByteQueue, ByteQueue] = [new ByteQueue(), new ByteQueue()];
  readonly #pending: Command[] = [];
  readonly #lost: [boolean, boolean] = [false, false];
  /** CLIENT REPLY OFF and SKIP: commands that get no answer. */
  #repliesOff = false;
  #skipNext = 0;

  constructor(c: Connection) {
    this.#c = c;
  }

  data(fromOrig: boolean, bytes: Uint8Array): void {
    const index = fromOrig ? 0 : 1;
    if (this.#lost[index]) return;
    const rest = this.#rest[index];
    rest.add(bytes);
    while (rest.length > 0) {
      const used = fromOrig ? this.#command(rest.bytes) : this.#reply(rest.bytes);
      if (used === 0 && rest.length <= 2 * MAX_BUFFER) return;
      if (used <= 0) {
        this.#lost[index] = true;
        rest.clear();
        return;
      }
      rest.take(used);
    }
  }

  gap(fromOrig: boolean): void {
    this.#lost[fromOrig ? 0 : 1] = true;
  }

  end(): void {
    for (const command of this.#pending) this.#log(command, undefined);
    this.#pending.length = 0;
  }

  /** A command as an array of strings, or in one line. */
  #command(rest: Buffer): number {
    if (rest[0] !== 0x2a) {
      const feed = rest.indexOf(0x0a);
      if (feed < 0) return rest.length > 65_536 ? -1 : 0;
      const words = latin1(rest.subarray(0, feed)).trim();
      if (words !== "") this.#take(words.split(/\s+/));
      return feed + 1;
    }
    const value = readValue(rest, 0, 0);
    if (value.length > 0 && value.items && value.items.length > 0) this.#take(value.items);
    return value.length;
  }

  #take(words: readonly string[]): void {
    const name = words[0]!.toUpperCase();
    const keyed = KEYED.has(name);
    const command = {
      tsNs: this.#c.nowNs,
      name,
      key: keyed ? words[1] : undefined,
      value: undefined as string | undefined,
    };
    if (name === "SET") command.value = words[2];
    else if (name === "HSET") command.value = words[3];
    const replies = name === "CLIENT" && words[1]?.toUpperCase() === "REPLY" ? words[2]?.toUpperCase() : undefined;
    if (replies === "ON") this.#repliesOff = false;
    else if (replies === "OFF") this.#repliesOff = true;
    else if (replies === "SKIP" && !this.#repliesOff) this.#skipNext = 2;
    const unanswered = this.#repliesOff || this.#skipNext > 0;
    if (this.#skipNext > 0) this.#skipNext--;
    if (unanswered) this.#log(command, undefined);
    else if (this.#pending.length < MAX_PENDING) this.#pending.push(command);
  }

  #reply(rest: Buffer): number {
    const value = readValue(rest, 0, 0);
    if (value.length <= 0 || value.isPush) return value.length;
    const command = this.#pending.shift();
    this.#log(command, value);
    return value.length;
  }

  #log(command: Command | undefined, reply: Value | undefined): void {
    this.#c.write(redisLog, {
      ts: command?.tsNs ?? this.#c.nowNs,
      "cmd.name": command?.name,
      "cmd.key": command?.key,
      "cmd.value": command?.value,
      success: reply ? !reply.isError : undefined,
      "reply.value": reply?.text,
    });
  }
}

export const redis: Protocol = { app: "redis", logs: [redisLog], open: (c) => new RedisParser(c) };

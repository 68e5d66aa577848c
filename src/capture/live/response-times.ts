/**
 * Response times of protocols without a handshake: DNS by its id, ICMP echo by its sequence number, NTP by the time stamp the server
 * gives back. Of a flow the last one is kept.
 */
import type { RttKind } from "./snapshot.ts";

/** Questions that wait for their answer, and flows whose last time is kept; beyond it the oldest is forgotten. */
const MOST_WAITING = 4096;
const MOST_FLOWS = 50_000;
/** An answer that comes later answers something else, seconds. */
const LONGEST = 60;

/** A message of one of these protocols, and when it was captured. */
export interface Message {
  readonly kind: Exclude<RttKind, "tcp">;
  readonly data: Uint8Array;
  /** Where it begins in `data`, and where its captured bytes end. */
  readonly at: number;
  readonly end: number;
  readonly sec: number;
  readonly nsec: number;
}

export interface ResponseTime {
  readonly ms: number;
  readonly kind: RttKind;
}

export class ResponseTimes {
  readonly #waiting = new Map<string, number>();
  readonly #times = new Map<number, ResponseTime>();

  of(flow: number): ResponseTime | undefined {
    return this.#times.get(flow);
  }

  /** @param flow what the message belongs to */
  look(flow: number, message: Message): void {
    if (message.kind === "dns") this.#dns(flow, message);
    else if (message.kind === "ntp") this.#ntp(flow, message);
    else this.#echo(flow, message);
  }

  #dns(flow: number, message: Message): void {
    const { data, at, end } = message;
    if (at + 3 > end) return;
    const id = (data[at]! << 8) | data[at + 1]!;
    this.#note(flow, `d${id}`, (data[at + 2]! & 0x80) !== 0, message);
  }

  /** RFC 5905 §7.3: the server's origin time stamp is the client's transmit time stamp. */
  #ntp(flow: number, message: Message): void {
    const { data, at, end } = message;
    if (at + 48 > end) return;
    const mode = data[at]! & 7;
    if (mode !== 3 && mode !== 4) return;
    const stamp = at + (mode === 3 ? 40 : 24);
    this.#note(flow, `n${Buffer.from(data.buffer, data.byteOffset + stamp, 8).toString("hex")}`, mode === 4, message);
  }

  /** Types 8 and 0 of ICMP, 128 and 129 of ICMPv6. */
  #echo(flow: number, message: Message): void {
    const { data, at, end } = message;
    if (at + 8 > end) return;
    const type = data[at]!;
    const request = type === 8 || type === 128;
    if (!request && type !== 0 && type !== 129) return;
    const idAndSequence = (data[at + 4]! << 24) | (data[at + 5]! << 16) | (data[at + 6]! << 8) | data[at + 7]!;
    this.#note(flow, `e${idAndSequence}`, !request, message);
  }

  #note(flow: number, question: string, isReply: boolean, { kind, sec, nsec }: Message): void {
    const key = `${flow} ${question}`;
    const seconds = sec + nsec / 1e9;
    if (!isReply) {
      // The first of several equal ones counts.
      if (this.#waiting.has(key)) return;
      this.#waiting.set(key, seconds);
      if (this.#waiting.size > MOST_WAITING) this.#waiting.delete(this.#waiting.keys().next().value!);
      return;
    }
    const asked = this.#waiting.get(key);
    if (asked === undefined) return;
    this.#waiting.delete(key);
    const took = seconds - asked;
    if (took < 0 || took > LONGEST) return;
    this.#times.delete(flow);
    this.#times.set(flow, { ms: took * 1000, kind });
    if (this.#times.size > MOST_FLOWS) this.#times.delete(this.#times.keys().next().value!);
  }
}

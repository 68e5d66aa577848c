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

const ICMP = 1;
const UDP = 17;
const ICMPV6 = 58;

/** What is needed of a decoded packet. */
export interface RequestOrReply {
  readonly data: Uint8Array;
  readonly end: number;
  /** Seconds since the epoch. */
  readonly time: number;
  readonly transport: boolean;
  readonly protocol: number;
  readonly srcPort: number;
  readonly dstPort: number;
  readonly icmpType: number;
  readonly l4: number;
  readonly payload: number;
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

  /** @param flow what the packet belongs to */
  look(flow: number, p: RequestOrReply): void {
    if (!p.transport) return;
    if (p.protocol === UDP) {
      if (p.dstPort === 53 || p.srcPort === 53) this.#dns(flow, p);
      else if (p.dstPort === 123 || p.srcPort === 123) this.#ntp(flow, p);
    } else if (p.protocol === ICMP || p.protocol === ICMPV6) this.#echo(flow, p);
  }

  #dns(flow: number, p: RequestOrReply): void {
    const { data, payload, end } = p;
    if (payload < 0 || payload + 3 > end) return;
    const id = (data[payload]! << 8) | data[payload + 1]!;
    this.#note(flow, `d${id}`, (data[payload + 2]! & 0x80) !== 0, "dns", p);
  }

  /** RFC 5905 §7.3: the server's origin time stamp is the client's transmit time stamp. */
  #ntp(flow: number, p: RequestOrReply): void {
    const { data, payload, end } = p;
    if (payload < 0 || payload + 48 > end) return;
    const mode = data[payload]! & 7;
    if (mode !== 3 && mode !== 4) return;
    const at = payload + (mode === 3 ? 40 : 24);
    this.#note(flow, `n${Buffer.from(data.buffer, data.byteOffset + at, 8).toString("hex")}`, mode === 4, "ntp", p);
  }

  #echo(flow: number, p: RequestOrReply): void {
    const { data, l4, end, icmpType } = p;
    const request = icmpType === 8 || icmpType === 128;
    const reply = p.protocol === ICMP ? icmpType === 0 : icmpType === 129;
    if ((!request && !reply) || l4 < 0 || l4 + 8 > end) return;
    const idAndSequence = (data[l4 + 4]! << 24) | (data[l4 + 5]! << 16) | (data[l4 + 6]! << 8) | data[l4 + 7]!;
    this.#note(flow, `e${idAndSequence}`, reply, "echo", p);
  }

  #note(flow: number, question: string, isReply: boolean, kind: RttKind, { time }: RequestOrReply): void {
    const key = `${flow} ${question}`;
    if (!isReply) {
      // The first of several equal ones counts.
      if (this.#waiting.has(key)) return;
      this.#waiting.set(key, time);
      if (this.#waiting.size > MOST_WAITING) this.#waiting.delete(this.#waiting.keys().next().value!);
      return;
    }
    const asked = this.#waiting.get(key);
    if (asked === undefined) return;
    this.#waiting.delete(key);
    const took = time - asked;
    if (took < 0 || took > LONGEST) return;
    this.#times.delete(flow);
    this.#times.set(flow, { ms: took * 1000, kind });
    if (this.#times.size > MOST_FLOWS) this.#times.delete(this.#times.keys().next().value!);
  }
}

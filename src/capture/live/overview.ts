/** The overview's answer: rates by direction, who talks most, what flows do, and what looks wrong. */
import type { TotalRate } from "./rates.ts";
import type { OverviewAnswer, OverviewQuery } from "./snapshot.ts";
import { type TalkerSource, TalkerSum } from "./talkers.ts";
import type { Sum } from "./walk.ts";

const TCP = 6;
const UDP = 17;
/** Fewer flows or packets say nothing yet. */
const ENOUGH = 20;
/** Shares of flows or packets above which something is worth a warning. */
const ONE_WAY_SHARE = 0.5;
const RESET_SHARE = 0.3;
const RETRANSMIT_SHARE = 0.02;
/** Unanswered or refused attempts of one host to so many different ports or hosts are a scan. */
const SCAN_ATTEMPTS = 50;
/** Hosts whose attempts are counted. */
const MOST_HOSTS = 10_000;

export interface OverviewSource extends TalkerSource {
  readonly state: (row: number) => string;
}

/** What does not come from the flows. */
export interface OverviewTotals {
  readonly total: TotalRate;
  readonly live: number;
  /** Flows that began and ended in the last second. */
  readonly begun: number;
  readonly ended: number;
}

/** The flows summed up so far. */
export class OverviewSum implements Sum {
  readonly #source: OverviewSource;
  readonly #hosts: TalkerSum;
  readonly #apps: TalkerSum;
  readonly #states = new Map<string, number>();
  readonly #attempts = new Map<string, number>();
  #oneWay = 0;
  #twoWay = 0;
  #tcp = 0;
  #resets = 0;
  #retransmits = 0;
  #segments = 0;
  #missed = 0;

  constructor(source: OverviewSource) {
    this.#source = source;
    this.#hosts = new TalkerSum(source, "host");
    this.#apps = new TalkerSum(source, "app");
  }

  add(row: number): void {
    this.#hosts.add(row);
    this.#apps.add(row);
    const { table } = this.#source;
    const state = this.#source.state(row);
    this.#states.set(state, (this.#states.get(state) ?? 0) + 1);
    const protocol = table.protocol(row);
    if (protocol !== TCP && protocol !== UDP) return;
    const [orig, resp] = [table.packets(row, true), table.packets(row, false)];
    if (protocol === TCP) this.#addTcp(row, state, orig + resp);
    // A flow of some length that nobody ever answered.
    if (orig + resp < 3) return;
    if (orig === 0 || resp === 0) this.#oneWay++;
    else this.#twoWay++;
  }

  #addTcp(row: number, state: string, segments: number): void {
    const { table } = this.#source;
    this.#tcp++;
    this.#segments += segments;
    this.#retransmits += table.retransmits(row);
    this.#missed += table.missedBytes(row);
    if (state.startsWith("RST") || state === "REJ") this.#resets++;
    if (state !== "S0" && state !== "REJ") return;
    const host = `${table.isV6(row)} ${[0, 1, 2, 3].map((word) => table.addressWord(row, true, word))}`;
    if (this.#attempts.has(host) || this.#attempts.size < MOST_HOSTS) {
      this.#attempts.set(host, (this.#attempts.get(host) ?? 0) + 1);
    }
  }

  answer({ total, live, begun, ended }: OverviewTotals, { step, steps, rows }: OverviewQuery): OverviewAnswer {
    const page = { sort: "rate", descending: true, offset: 0, rows } as const;
    // A file that is read at once has no rates by direction.
    const up = total.up.length > 0 ? total.up : total.history;
    return {
      ...{ live, begun, ended },
      up: inSteps(up, step, steps),
      down: inSteps(total.down, step, steps),
      hosts: this.#hosts.page(page).rows,
      apps: this.#apps.page(page).rows,
      states: [...this.#states].sort((a, b) => b[1] - a[1]),
      warnings: this.#warnings(),
    };
  }

  #warnings(): string[] {
    const warnings: string[] = [];
    const [oneWay, all] = [this.#oneWay, this.#oneWay + this.#twoWay];
    if (oneWay >= 5 && oneWay > all * ONE_WAY_SHARE) {
      warnings.push(`only one direction is seen of ${oneWay} of ${all} flows: is the mirror made for both?`);
    }
    if (this.#missed > 0) {
      warnings.push(`${this.#missed} bytes were acknowledged but never seen: the capture or the mirror loses packets`);
    }
    if (this.#tcp >= ENOUGH && this.#resets > this.#tcp * RESET_SHARE) {
      warnings.push(`${this.#resets} of ${this.#tcp} TCP connections were reset or refused`);
    }
    if (this.#segments >= 1000 && this.#retransmits > this.#segments * RETRANSMIT_SHARE) {
      const share = ((this.#retransmits / this.#segments) * 100).toFixed(1);
      warnings.push(`${share} % of TCP segments were sent again`);
    }
    const scanners = [...this.#attempts.values()].filter((count) => count >= SCAN_ATTEMPTS).length;
    if (scanners > 0) {
      warnings.push(`${scanners} host(s) tried ${SCAN_ATTEMPTS} or more connections in vain: a scan?`);
    }
    return warnings;
  }
}

/** The last `steps` means over `step` seconds, oldest first. */
export function inSteps(seconds: readonly number[], step: number, steps: number): number[] {
  const whole = Math.floor(seconds.length / step);
  const first = Math.max(0, whole - steps);
  const values: number[] = [];
  for (let index = first; index < whole; index++) {
    let sum = 0;
    for (let second = 0; second < step; second++) sum += seconds[index * step + second]!;
    values.push(sum / step);
  }
  return values;
}

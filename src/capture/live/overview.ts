/** The overview's answer: rates by direction, who talks most, what flows do, and what looks wrong. */
import type { Rows } from "../../engine/host/rows.ts";
import type { TotalRate } from "./rates.ts";
import type { OverviewAnswer, OverviewQuery } from "./snapshot.ts";
import { type TalkerSource, talkers } from "./talkers.ts";

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

export interface OverviewSource extends TalkerSource {
  readonly state: (row: number) => string;
  readonly total: TotalRate;
  /** Flows that began and ended in the last second. */
  readonly begun: number;
  readonly ended: number;
}

export function overview(
  source: OverviewSource,
  each: (visit: (row: number) => void) => void,
  { step, steps, rows }: OverviewQuery,
): OverviewAnswer {
  const { table, total } = source;
  const states = new Map<string, number>();
  each((row) => {
    const state = source.state(row);
    states.set(state, (states.get(state) ?? 0) + 1);
  });
  const top = (key: "host" | "app") =>
    talkers(source, each, { key, sort: "rate", descending: true, offset: 0, rows }).rows;
  // A file that is read at once has no rates by direction.
  const up = total.up.length > 0 ? total.up : total.history;
  return {
    up: inSteps(up, step, steps),
    down: inSteps(total.down, step, steps),
    hosts: top("host"),
    apps: top("app"),
    states: [...states].sort((a, b) => b[1] - a[1]),
    begun: source.begun,
    ended: source.ended,
    live: table.live,
    warnings: warningsOf(source, each),
  };
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

function warningsOf(
  { table, state }: { readonly table: Rows; readonly state: (row: number) => string },
  each: (visit: (row: number) => void) => void,
): string[] {
  let oneWay = 0;
  let twoWay = 0;
  let tcp = 0;
  let resets = 0;
  let retransmits = 0;
  let segments = 0;
  let missed = 0;
  const attempts = new Map<string, number>();
  each((row) => {
    const protocol = table.protocol(row);
    if (protocol !== TCP && protocol !== UDP) return;
    const [orig, resp] = [table.packets(row, true), table.packets(row, false)];
    if (protocol === TCP) {
      tcp++;
      segments += orig + resp;
      retransmits += table.retransmits(row);
      missed += table.missedBytes(row);
      const letters = state(row);
      if (letters.startsWith("RST") || letters === "REJ") resets++;
      if (letters === "S0" || letters === "REJ") {
        const host = `${table.isV6(row)} ${[0, 1, 2, 3].map((word) => table.addressWord(row, true, word))}`;
        if (attempts.has(host) || attempts.size < 10_000) attempts.set(host, (attempts.get(host) ?? 0) + 1);
      }
    }
    // A flow of some length that nobody ever answered.
    if (orig + resp >= 3) {
      if (orig === 0 || resp === 0) oneWay++;
      else twoWay++;
    }
  });
  const warnings: string[] = [];
  if (oneWay >= 5 && oneWay > (oneWay + twoWay) * ONE_WAY_SHARE) {
    warnings.push(`only one direction is seen of ${oneWay} of ${oneWay + twoWay} flows: is the mirror made for both?`);
  }
  if (missed > 0)
    warnings.push(`${missed} bytes were acknowledged but never seen: the capture or the mirror loses packets`);
  if (tcp >= ENOUGH && resets > tcp * RESET_SHARE)
    warnings.push(`${resets} of ${tcp} TCP connections were reset or refused`);
  if (segments >= 1000 && retransmits > segments * RETRANSMIT_SHARE) {
    warnings.push(`${((retransmits / segments) * 100).toFixed(1)} % of TCP segments were sent again`);
  }
  const scanners = [...attempts.values()].filter((count) => count >= SCAN_ATTEMPTS).length;
  if (scanners > 0) warnings.push(`${scanners} host(s) tried ${SCAN_ATTEMPTS} or more connections in vain: a scan?`);
  return warnings;
}

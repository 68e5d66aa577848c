/** Open vSwitch's own counts of the mirrors that end at a monitor, before and after traffic. */
import type { Cleanup } from "../../core/cleanup.ts";
import type { MirrorInfo } from "../../mirror/mirror-info.ts";
import { MirrorWatch } from "../../mirror/monitor.ts";
import type { Session } from "../../mirror/session.ts";
import type { MirrorCounts } from "../../verify/judge/facts.ts";

/** OVS renews its counts this often, unless other_config:stats-update-interval says otherwise; and what it may be late. */
export const COUNTS_MS = 6000;
/** What the datapath has copied reaches a mirror's count this much later at most (max-revalidator is 500 ms). */
const REVALIDATED_MS = 1000;

export class MirrorTotals {
  readonly #watches: readonly MirrorWatch[];
  #onChange: () => void = () => {};

  private constructor(watches: readonly MirrorWatch[]) {
    this.#watches = watches;
  }

  /** Follows the mirrors that OVS applies: it counts no others. */
  static async open(session: Session, mirrors: readonly MirrorInfo[], cleanup: Cleanup): Promise<MirrorTotals> {
    const watches: MirrorWatch[] = [];
    const totals = new MirrorTotals(watches);
    for (const { uuid, health } of mirrors) {
      if (health !== "ok" && health !== "waiting") continue;
      const watch = await MirrorWatch.open(session, uuid, () => totals.#onChange());
      watches.push(cleanup.use("stop following OVSDB", watch));
    }
    return totals;
  }

  /** There is at least one mirror that is counted. */
  get any(): boolean {
    return this.#watches.length > 0;
  }

  /** The sum over the mirrors, as OVS counted last; null when there is none. */
  now(): MirrorCounts | null {
    if (!this.any) return null;
    let [packets, bytes] = [0, 0];
    for (const { counts } of this.#watches) {
      packets += counts.packets ?? 0;
      bytes += counts.bytes ?? 0;
    }
    return { packets, bytes };
  }

  /** True when OVS has counted what it copied until `sinceMs` (performance.now()), or `expected` copies more than `before`. */
  hasSettled(before: MirrorCounts | null, expected: number, sinceMs: number): boolean {
    const now = this.now();
    if (now === null || !this.#watches.some(({ counts }) => counts.present)) return true;
    if (expected > 0 && now.packets - (before?.packets ?? 0) >= expected) return true;
    return this.#watches.some(({ counts }) => counts.atMs > sinceMs + REVALIDATED_MS && counts.packets !== null);
  }

  /** Resolves when it has settled, or `limit` does. */
  async settle(before: MirrorCounts | null, expected: number, sinceMs: number, limit: Promise<unknown>): Promise<void> {
    const settled = new Promise<void>((resolve) => {
      this.#onChange = () => {
        if (this.hasSettled(before, expected, sinceMs)) resolve();
      };
      this.#onChange();
    });
    await Promise.race([settled, limit]);
  }
}

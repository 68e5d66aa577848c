/**
 * Compares OVS's own count of mirrored packets with what was captured, and says only what is certain.
 *
 * OVS publishes the count every 5 s, and it lags behind the packets (vswitchd.conf.db(5), Mirror:statistics; flow statistics are
 * pushed about once a second). So both counts are taken from the first publication that lies wholly after the capture's
 * start, and the capture is given the benefit of all that it saw from `LAG_MS` before it on, and of `SETTLE_MS` after each
 * publication for what is still on its way. A loss that is told is real; a loss smaller than that slack is not told.
 * Until then the count before serves for one answer: when all that it grew by since was captured, all is well.
 */
import type { MirrorStatus, Verdict } from "../mirror/status.ts";

/** How far OVS's count may be behind the packets when it is published, milliseconds. */
const LAG_MS = 2500;
/** How long a packet may take from the mirror into our count, milliseconds. */
const SETTLE_MS = 500;
/** OVS publishes its counts this often, unless other_config:stats-update-interval says otherwise. */
const INTERVAL_MS = 5000;
/** OVS has not spoken for three of its intervals. */
const STALE_MS = 3 * INTERVAL_MS;

export interface JudgeOptions {
  readonly name: string;
  /** The mirrored ports, as people read them. */
  readonly sources: string;
  /** Why the counts cannot be compared, or null. */
  readonly incomparable: string | null;
  /** OVS's count at the beginning: 0 for a mirror of our own. */
  readonly before: number;
}

/** OVS's count, and when it came, milliseconds. */
export interface Published {
  readonly packets: number;
  readonly atMs: number;
}

export class MirrorJudge {
  readonly #options: JudgeOptions;
  readonly #startMs: number;
  /** What had been captured at times of the last seconds, oldest first. */
  #samples: { readonly atMs: number; readonly captured: number }[] = [];
  #baseline: { readonly mirrored: number; readonly captured: number } | null = null;
  #last: Published | null = null;
  /** The publication before the last. */
  #previous: Published | null = null;
  /** Waits for a sample that has seen all it counts. */
  #pending: Published | null = null;
  #connected = true;
  #deleted = false;
  #incomparable: string | null;
  /** The last counts that were compared, and when OVS gave its. */
  #compared: { readonly mirrored: number; readonly captured: number; readonly atMs: number } | null = null;
  #lost = 0;
  #comparisons = 0;
  #traffic = false;

  constructor(options: JudgeOptions, startMs: number) {
    this.#options = options;
    this.#incomparable = options.incomparable;
    this.#startMs = startMs;
  }

  /** What had been captured at a time. */
  sample(captured: number, atMs: number): void {
    this.#samples.push({ atMs, captured });
    const pending = this.#pending;
    if (pending && atMs >= pending.atMs + SETTLE_MS) {
      this.#pending = null;
      this.#compare(pending, captured);
    }
    // The oldest that is kept was taken before all that OVS may still count.
    const oldest = (this.#pending?.atMs ?? atMs) - LAG_MS;
    while (this.#samples.length > 2 && this.#samples[1]!.atMs <= oldest) this.#samples.shift();
  }

  /** A new count from OVS; null: the connection to OVSDB is lost. */
  publish(published: Published | null): void {
    this.#connected = published !== null;
    if (!published) return;
    this.#traffic = published.packets > (this.#last?.packets ?? 0);
    this.#previous = this.#last;
    this.#last = published;
    this.#pending = published;
  }

  /** From now on the counts mean different things. */
  incomparable(reason: string): void {
    this.#incomparable = reason;
  }

  /** The mirror is no longer in OVSDB. */
  remove(): void {
    this.#deleted = true;
  }

  #compare({ packets, atMs }: Published, captured: number): void {
    if (this.#baseline !== null) {
      this.#comparisons++;
      const mirrored = packets - this.#baseline.mirrored;
      const seen = captured - this.#baseline.captured;
      this.#compared = { mirrored, captured: seen, atMs };
      this.#lost = Math.max(0, mirrored - seen);
      return;
    }
    const grown = this.#previous === null ? 0 : packets - this.#previous.packets;
    if (grown > 0 && captured >= grown) {
      this.#comparisons++;
      this.#compared = { mirrored: grown, captured, atMs };
    }
    if (atMs - LAG_MS >= this.#startMs) {
      this.#baseline = { mirrored: packets, captured: this.#samples[0]?.captured ?? 0 };
    }
  }

  status(nowMs: number): MirrorStatus {
    const { name, sources, before } = this.#options;
    const incomparable = this.#incomparable;
    const verdict = this.#verdict(nowMs);
    return {
      name,
      sources,
      mirrored: this.#last === null ? null : Math.max(0, this.#last.packets - before),
      compared: this.#compared && {
        mirrored: this.#compared.mirrored,
        captured: this.#compared.captured,
        ageMs: nowMs - this.#compared.atMs,
      },
      verdict,
      // The first that comes is as old as it may be.
      dueMs: this.#previous === null ? null : Math.max(0, this.#last!.atMs + INTERVAL_MS - nowMs),
      lost: verdict === "LOSS" ? this.#lost : 0,
      ...(verdict === "N/A" && incomparable !== null ? { reason: incomparable } : {}),
    };
  }

  #verdict(nowMs: number): Verdict {
    if (this.#deleted) return "DELETED";
    if (this.#incomparable !== null) return "N/A";
    if (this.#lost > 0) return "LOSS";
    if (!this.#connected || nowMs - (this.#last?.atMs ?? this.#startMs) > STALE_MS) return "STALE";
    if (this.#comparisons === 0) return "WAIT";
    return this.#traffic ? "OK" : "NO TRAFFIC";
  }
}

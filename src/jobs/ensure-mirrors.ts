/**
 * `mirror ensure`: makes a switch's mirrors what a file declares, once or for as long as it runs. Staying, it follows OVSDB: a port that comes
 * back, a mirror that somebody takes away, cause a pass at once; what is not whole is looked at again every few seconds, as a machine may
 * start without OVSDB noticing.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { messageOf, TapscopeError } from "../core/errors.ts";
import { type DeclaredMirror, parseDeclared } from "../mirror/declared/document.ts";
import { type EnsureOutcome, ensureMirrors } from "../mirror/declared/ensure.ts";
import { OvsdbClient } from "../mirror/ovsdb/client.ts";
import { commentsSince } from "../mirror/ovsdb/log.ts";
import type { Session } from "../mirror/session.ts";
import { endpointOf } from "../mirror/target.ts";
import { Finish } from "./finish.ts";
import { Names } from "./machines.ts";

/** Changes of one transaction come in several messages. */
const SETTLE_MS = 5;
/** How often what is not whole is looked at again, and a lost connection tried. */
const RETRY_MS = 2000;
/** How often it is looked whether ovs-vswitchd runs: its end changes nothing in OVSDB. */
const ALIVE_MS = 10_000;

export interface DeclaredFile {
  readonly mirrors: readonly DeclaredMirror[];
  /** As its mirrors are marked. */
  readonly path: string;
}

/** @throws TapscopeError `E_FILE`; UsageError when it declares no mirrors, or wrongly */
export function readDeclared(path: string): DeclaredFile {
  let text: string;
  try {
    text = readFileSync(path === "-" ? 0 : path, "utf8");
  } catch (error) {
    throw new TapscopeError("E_FILE", `cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
  return { mirrors: parseDeclared(text, path), path: path === "-" ? path : resolve(path) };
}

/** One pass. */
export async function ensureOnce(
  session: Session,
  { mirrors, path }: DeclaredFile,
  prune: boolean,
): Promise<EnsureOutcome> {
  return await ensureMirrors(session, { mirrors, file: path, prune, names: new Names(session) });
}

/** What happened to a mirror, or (`mirror` null) to the switch. */
export interface EnsureEvent {
  readonly timeMs: number;
  readonly mirror: string | null;
  readonly event: "made" | "changed" | "removed" | "broken" | "whole" | "trouble";
  readonly message: string;
  /** Who changed the switch, as far as its database says: command lines. */
  readonly by: readonly string[];
  /** How long the mirror was not whole, in ms. */
  readonly brokenMs: number | null;
}

/** How long each mirror was not whole, all together. */
export interface WatchTotals {
  readonly mirrors: readonly { readonly name: string; readonly brokenMs: number; readonly interruptions: number }[];
}

export interface WatchMirrorsOptions {
  readonly prune: boolean;
  readonly signal?: AbortSignal;
  readonly onFirst: (outcome: EnsureOutcome) => void;
  readonly onEvent: (event: EnsureEvent) => void;
}

/** Stays until `signal`; the mirrors stay too. */
export async function watchMirrors(
  session: Session,
  file: DeclaredFile,
  options: WatchMirrorsOptions,
): Promise<WatchTotals> {
  using finish = new Finish(options.signal);
  const healer = new Healer(session, file, options);
  const changes = new Changes(session);
  await using _ = changes;
  await changes.connect();
  const first = await ensureOnce(session, file, options.prune);
  options.onFirst(first);
  healer.begin(first);
  for (;;) {
    const woken = await Promise.race([
      changes.next(healer.isWhole ? ALIVE_MS : RETRY_MS),
      finish.ended.then(() => null),
    ]);
    if (woken === null) break;
    await healer.pass(woken.sinceMs);
  }
  return healer.totals();
}

/** Passes, and what is told of them. */
class Healer {
  readonly #session: Session;
  readonly #file: DeclaredFile;
  readonly #options: WatchMirrorsOptions;
  /** Mirrors that are not whole: since when, and why. */
  readonly #broken = new Map<string, { readonly sinceMs: number; readonly why: string }>();
  readonly #totals: Map<string, { brokenMs: number; interruptions: number }>;
  #trouble: string | null = null;
  #lastPassMs = Date.now();

  constructor(session: Session, file: DeclaredFile, options: WatchMirrorsOptions) {
    this.#session = session;
    this.#file = file;
    this.#options = options;
    this.#totals = new Map(file.mirrors.map(({ name }) => [name, { brokenMs: 0, interruptions: 0 }]));
  }

  get isWhole(): boolean {
    return this.#broken.size === 0 && this.#trouble === null;
  }

  begin(outcome: EnsureOutcome): void {
    for (const { name, why } of outcome.incomplete) this.#break(name, why, Date.now());
    this.#lastPassMs = Date.now();
  }

  #break(name: string, why: string, sinceMs: number): void {
    this.#broken.set(name, { sinceMs, why });
    const total = this.#totals.get(name);
    if (total) total.interruptions++;
  }

  /** @param changedMs when the change that caused the pass was seen */
  async pass(changedMs: number): Promise<void> {
    let outcome: EnsureOutcome;
    try {
      const problem = await this.#session.vswitchdProblem();
      if (problem !== undefined) throw new TapscopeError("E_VSWITCHD_DOWN", `${problem}: nothing is mirrored`);
      outcome = await ensureOnce(this.#session, this.#file, this.#options.prune);
    } catch (error) {
      if (!(error instanceof TapscopeError)) throw error;
      if (this.#trouble !== error.message) this.#tell(null, "trouble", error.message);
      this.#trouble = error.message;
      return;
    }
    if (this.#trouble !== null) this.#tell(null, "whole", "the switch works again");
    this.#trouble = null;
    this.#report(outcome, changedMs);
    this.#lastPassMs = Date.now();
  }

  #report({ made, changed, removed, incomplete }: EnsureOutcome, changedMs: number): void {
    const happened = made.length + changed.length > 0 || incomplete.some(({ name }) => !this.#broken.has(name));
    const by = happened
      ? commentsSince(this.#session.target, this.#lastPassMs).filter(({ timeMs }) => timeMs <= changedMs + SETTLE_MS)
      : [];
    const who = by.map(({ text }) => text);
    const now = new Map(incomplete.map(({ name, why }) => [name, why]));
    const done = [
      ...made.map((name) => ({ name, event: "made" as const, message: "was gone: made again" })),
      ...changed.map(({ name, what }) => ({
        name,
        event: "changed" as const,
        message: `put right: ${what.join(", ")}`,
      })),
    ];
    for (const { name, event, message } of done) {
      const brokenMs = now.has(name) ? null : this.#mend(name, changedMs);
      this.#tell(name, event, message, who, brokenMs);
    }
    for (const [name, why] of now) {
      if (this.#broken.get(name)?.why === why) continue;
      if (!this.#broken.has(name)) this.#break(name, why, changedMs);
      else this.#broken.set(name, { sinceMs: this.#broken.get(name)!.sinceMs, why });
      this.#tell(name, "broken", `not whole: ${why}`, who);
    }
    for (const name of [...this.#broken.keys()])
      if (!now.has(name)) this.#tell(name, "whole", "whole again", [], this.#mend(name, changedMs));
    for (const name of removed) this.#tell(name, "removed", "not declared: removed");
  }

  /** A mirror is whole now. @returns how long it was not, ms */
  #mend(name: string, changedMs: number): number {
    const broken = this.#broken.get(name);
    const total = this.#totals.get(name);
    if (!broken && total) total.interruptions++;
    const ms = Date.now() - (broken?.sinceMs ?? changedMs);
    if (total) total.brokenMs += ms;
    this.#broken.delete(name);
    return ms;
  }

  #tell(
    mirror: string | null,
    event: EnsureEvent["event"],
    message: string,
    by: readonly string[] = [],
    brokenMs: number | null = null,
  ): void {
    this.#options.onEvent({ timeMs: Date.now(), mirror, event, message, by, brokenMs });
  }

  totals(): WatchTotals {
    for (const name of [...this.#broken.keys()]) this.#mend(name, Date.now());
    return { mirrors: [...this.#totals].map(([name, total]) => ({ name, ...total })) };
  }
}

/** What of OVSDB matters to mirrors; no counts, which change every 5 s. */
const WATCHED: readonly (readonly [table: string, columns: readonly string[]])[] = [
  ["Bridge", ["name", "ports", "mirrors"]],
  ["Port", ["name", "tag", "trunks"]],
  ["Interface", ["name", "ofport", "link_state"]],
  [
    "Mirror",
    [
      "name",
      "select_all",
      "select_src_port",
      "select_dst_port",
      "select_vlan",
      "output_port",
      "output_vlan",
      "snaplen",
    ],
  ],
];

/** Tells of changes in OVSDB, over a connection of its own that is made anew when it is lost. */
class Changes implements AsyncDisposable {
  readonly #session: Session;
  #client: OvsdbClient | undefined;
  #closed = false;
  /** When the first change came that has not been handed out, ms of the epoch. */
  #since: number | undefined;
  #wake: () => void = () => {};

  constructor(session: Session) {
    this.#session = session;
  }

  async connect(): Promise<void> {
    const client = await OvsdbClient.connect(endpointOf(this.#session.target));
    this.#client = client;
    client.onLost = () => {
      this.#changed();
      this.#again();
    };
    for (const [table, columns] of WATCHED) {
      let first = true;
      await client.monitor(table, columns, () => {
        if (!first) this.#changed();
        first = false;
      });
    }
  }

  #again(): void {
    if (this.#closed) return;
    setTimeout(() => {
      if (this.#closed) return;
      this.connect().then(
        () => this.#changed(),
        () => this.#again(),
      );
    }, RETRY_MS).unref();
  }

  #changed(): void {
    this.#since ??= Date.now();
    this.#wake();
  }

  /** Waits for a change, or at most `limitMs`. */
  async next(limitMs: number): Promise<{ readonly sinceMs: number }> {
    if (this.#since === undefined) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, limitMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    if (this.#since !== undefined) await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const sinceMs = this.#since ?? Date.now();
    this.#since = undefined;
    return { sinceMs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#wake();
    if (this.#client) this.#client.onLost = undefined;
    await this.#client?.[Symbol.asyncDispose]();
  }
}

/**
 * A connection to one Open vSwitch: reads its state over OVSDB, changes it by ovs-vsctl, and makes the change take effect on
 * flows that already run. What the nouns (mirror.ts, tap.ts, …) plan goes through `change` here, and nowhere else.
 */
import { pasteLine, tellCommand } from "../core/announce.ts";
import { messageOf, TapscopeError } from "../core/errors.ts";
import type { Place } from "../core/place.ts";
import { shellQuote } from "../core/text.ts";
import { quoteValue, type VsctlCommand, vsctl, vsctlArgv } from "./ovs-vsctl.ts";
import { OvsdbClient } from "./ovsdb/client.ts";
import { unixctl } from "./ovsdb/unixctl.ts";
import { readState, type SwitchState } from "./state.ts";
import {
  endpointOf,
  pathFromHere,
  type SwitchTarget,
  startVswitchd,
  switchPlace,
  tapscopeCommand,
  vswitchdHeld,
  vswitchdPid,
  vswitchdSocket,
} from "./target.ts";

export interface SessionOptions {
  /** Changes nothing: each command that would run is given to this instead, ready to paste. */
  readonly dryRun?: ((line: string) => void) | undefined;
  /** Gets what the user should know although all went well. */
  readonly warn?: ((message: string) => void) | undefined;
}

/** ovs-vswitchd answers its control socket between two rounds of its main loop: one that makes hundreds of devices takes its time. */
const CONTROL_TIMEOUT_MS = 30_000;
/** After that long without an answer it is looked at whether it is held. */
const PROBE_TIMEOUT_MS = 2000;
/** How much longer than ovs-vsctl's own time limit a vswitchd that is there and not held is waited for. */
const BUSY_LIMIT_MS = 180_000;

/** What `other_config:forward-bpdu` was before a refresh, kept on the bridge while it is changed: for `clean`, if we die in between. */
export const BPDU_BEFORE = "tapscope-bpdu-before";

export class Session implements AsyncDisposable {
  readonly target: SwitchTarget;
  /** Where the switch's own devices are. */
  readonly place: Place;
  readonly dryRun: ((line: string) => void) | undefined;
  readonly warn: (message: string) => void;
  #client: Promise<OvsdbClient> | undefined;

  constructor(target: SwitchTarget, options: SessionOptions = {}) {
    this.target = target;
    this.place = switchPlace(target);
    this.dryRun = options.dryRun;
    this.warn = options.warn ?? (() => {});
  }

  /** The OVSDB connection, made anew when it was lost. @throws TapscopeError `E_OVSDB_UNREACHABLE` */
  async db(): Promise<OvsdbClient> {
    this.#client ??= OvsdbClient.connect(endpointOf(this.target)).then((client) => {
      client.onLost = () => {
        this.#client = undefined;
      };
      return client;
    });
    try {
      return await this.#client;
    } catch (error) {
      this.#client = undefined;
      throw error;
    }
  }

  async state(): Promise<SwitchState> {
    return await readState(await this.db());
  }

  /**
   * Makes one transaction of `commands`, then refreshes `bridges` so that running flows follow it.
   * @param doing completes "could not …" in errors.
   * @returns what ovs-vsctl wrote: the UUIDs of rows it created.
   * @throws TapscopeError `E_VSWITCHD_DOWN` (nothing was changed), `E_VSWITCHD_TIMEOUT`, or what `explainStderr` makes of it.
   */
  async change(doing: string, commands: readonly VsctlCommand[], bridges: readonly string[] = []): Promise<string> {
    if (commands.length === 0) return "";
    if (this.dryRun) {
      this.dryRun(pasteLine(vsctlArgv(this.target, commands), this.target.place));
      if (bridges.length > 0) await this.#refresh(bridges);
      return "";
    }
    let output = "";
    await this.requireVswitchd(doing);
    try {
      output = await vsctl(this.target, commands);
    } catch (error) {
      if (!(error instanceof TapscopeError) || error.code !== "E_VSWITCHD_TIMEOUT" || !(await this.#wasApplied())) {
        throw prefixed(`could not ${doing}`, error);
      }
    }
    if (bridges.length > 0) await this.#refresh(bridges);
    return output;
  }

  /** A vswitchd that runs is slow rather than stopped (after hundreds of devices came or went): what counts is what it has applied. */
  async #wasApplied(): Promise<boolean> {
    const deadline = performance.now() + (vswitchdPid(this.target) === undefined ? 0 : BUSY_LIMIT_MS);
    for (let said = false; ; said = true) {
      const db = await this.db();
      if (!(await db.vswitchdAttached()) || vswitchdHeld(this.target)) return false;
      if ((await this.state()).applied) return true;
      if (performance.now() > deadline) return false;
      if (!said) this.warn("ovs-vswitchd is busy: waiting for it");
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  /** @throws TapscopeError `E_VSWITCHD_DOWN` when ovs-vswitchd does not run, or does not answer. */
  async requireVswitchd(doing: string): Promise<void> {
    const problem = await this.vswitchdProblem();
    if (problem) throw this.#vswitchdDown(`could not ${doing}: ${problem}; nothing was changed`);
  }

  #vswitchdDown(message: string, cause?: unknown): TapscopeError {
    const hint = `start it: ${startVswitchd(this.target)}; ${tapscopeCommand(this.target, "doctor")} says what runs`;
    return new TapscopeError("E_VSWITCHD_DOWN", message, { hint, cause });
  }

  /** Why ovs-vswitchd cannot do anything now, or undefined when it can. */
  async vswitchdProblem(): Promise<string | undefined> {
    const db = await this.db();
    if (!(await db.vswitchdAttached())) return "ovs-vswitchd is not running";
    const socket = vswitchdSocket(this.target);
    if (socket === undefined) return undefined;
    try {
      await unixctl(pathFromHere(this.target.place, socket), "version", [], PROBE_TIMEOUT_MS);
    } catch (error) {
      if (!(error instanceof TapscopeError)) throw error;
      if (error.code === "E_OVSDB_TIMEOUT" && vswitchdHeld(this.target))
        return "ovs-vswitchd does not answer: it is stopped (SIGSTOP)";
    }
    return undefined;
  }

  /** Asks ovs-vswitchd over its control socket; undefined when there is none here (a remote OVSDB). */
  async control(command: string, ...args: string[]): Promise<string | undefined> {
    const socket = vswitchdSocket(this.target);
    if (socket === undefined) return undefined;
    try {
      return await unixctl(pathFromHere(this.target.place, socket), command, args, CONTROL_TIMEOUT_MS);
    } catch (error) {
      if (!(error instanceof TapscopeError) || error.code !== "E_OVSDB_UNREACHABLE") throw error;
      throw this.#vswitchdDown(`ovs-vswitchd does not answer ${command}: it is not running`, error);
    }
  }

  /**
   * Makes OVS translate running flows anew. OVS 3.0 to 3.3 do not when a mirror comes or goes (fixed by their commit 3b1882261): they
   * copy nothing of a flow that ran before, and go on copying after the mirror is gone. Why purge, and not a flush of the MAC
   * table: docs/decisions/0007-refresh-of-running-flows.md.
   */
  async #refresh(bridges: readonly string[]): Promise<void> {
    const socket = vswitchdSocket(this.target);
    if (socket !== undefined) {
      const argv = ["ovs-appctl", "-t", socket, "revalidator/purge"];
      if (this.dryRun) return this.dryRun(pasteLine(argv, this.target.place));
      try {
        tellCommand(argv, this.target.place);
        await this.control("revalidator/purge");
        return;
      } catch (error) {
        this.warn(`ovs-vswitchd's control socket is of no use (${messageOf(error)}): refreshing flows over OVSDB`);
      }
    }
    for (const bridge of bridges) await this.#refreshOverOvsdb(bridge);
  }

  // A change of forward-bpdu makes vswitchd revalidate all flows of the datapath. It is changed back at once.
  async #refreshOverOvsdb(name: string): Promise<void> {
    const bridge = (await this.state()).bridges.find((candidate) => candidate.name === name);
    if (!bridge) return;
    const before = bridge.forwardBpdu ?? "";
    const toggled = before === "true" ? "false" : "true";
    const steps: VsctlCommand[][] = [
      [
        [
          "set",
          "bridge",
          name,
          `external_ids:${BPDU_BEFORE}=${quoteValue(before)}`,
          `other_config:forward-bpdu=${toggled}`,
        ],
      ],
      restoreForwardBpdu(name, before),
    ];
    for (const commands of steps) {
      if (this.dryRun) this.dryRun(pasteLine(vsctlArgv(this.target, commands), this.target.place));
      else await vsctl(this.target, commands);
    }
  }

  /** Runs a program that changes something where the switch's devices are; in a dry run, only says so. */
  async run(argv: readonly string[], timeoutMs = 10_000, input?: string): Promise<void> {
    if (this.dryRun) {
      const pipe = input === undefined ? "" : `printf %s ${shellQuote([input])} | `;
      return this.dryRun(`${pipe}${pasteLine(argv, this.place)}`);
    }
    const { run } = await import("../core/process.ts");
    await run(argv, { place: this.place, timeoutMs, ...(input === undefined ? {} : { input }) });
  }

  /** Runs ip(8) commands there, all in one process. Words are separated by one space, and none holds one. */
  async ip(lines: readonly string[]): Promise<void> {
    if (this.dryRun || lines.length === 1) {
      for (const line of lines) await this.run(["ip", ...line.split(" ")]);
    } else if (lines.length > 0) {
      await this.run(["ip", "-batch", "-"], 10_000 + 50 * lines.length, `${lines.join("\n")}\n`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const client = await this.#client?.catch(() => undefined);
    this.#client = undefined;
    await client?.[Symbol.asyncDispose]();
  }
}

/** The commands that give a bridge the `forward-bpdu` it had before a refresh back; "" is none. */
export function restoreForwardBpdu(bridge: string, before: string): VsctlCommand[] {
  return [
    before === ""
      ? ["remove", "bridge", bridge, "other_config", "forward-bpdu"]
      : ["set", "bridge", bridge, `other_config:forward-bpdu=${quoteValue(before)}`],
    ["remove", "bridge", bridge, "external_ids", BPDU_BEFORE],
  ];
}

/** The same error, its message beginning with what could not be done. */
function prefixed(what: string, error: unknown): unknown {
  if (!(error instanceof TapscopeError)) return error;
  return new TapscopeError(error.code, `${what}: ${error.message}`, { hint: error.hint, cause: error });
}

/** An Open vSwitch as the public library shows it: its bridges, taps and mirrors. */
import { type BridgeInfo, createBridge, destroyBridge, listBridges } from "./bridge.ts";
import type { Check } from "./check.ts";
import { type Cleaned, clean } from "./clean.ts";
import { examine } from "./doctor.ts";
import { addSources, createMirror, deleteMirrors, removeSources } from "./mirror.ts";
import { type Direction, type MirrorInfo, mirrorsOf } from "./mirror-info.ts";
import type { MirrorRequest } from "./mirror-request.ts";
import { type Monitor, type MonitorRequest, makeMonitor } from "./monitor.ts";
import { Session } from "./session.ts";
import {
  type AttachRequest,
  attachTap,
  createTaps,
  deleteTaps,
  listTaps,
  type TapInfo,
  type TapRequest,
} from "./tap.ts";

/**
 * A handle on one Open vSwitch. Reads go over one OVSDB connection, made when it is first needed; each change is one transaction.
 * Errors are TapscopeErrors: `E_OVSDB_UNREACHABLE`, `E_VSWITCHD_DOWN`, and what each method says.
 */
export class Switch extends Session {
  bridges(): Promise<BridgeInfo[]> {
    return listBridges(this);
  }

  createBridge(name: string, datapath?: "system" | "netdev"): Promise<void> {
    return createBridge(this, name, datapath);
  }

  destroyBridge(name: string, force = false): Promise<void> {
    return destroyBridge(this, name, force);
  }

  taps(): Promise<TapInfo[]> {
    return listTaps(this);
  }

  /** @returns the names of the new taps */
  createTaps(request: TapRequest): Promise<string[]> {
    return createTaps(this, request);
  }

  attachTap(request: AttachRequest): Promise<void> {
    return attachTap(this, request);
  }

  /** @param which names, numbers, or `all` @returns the names of those deleted */
  deleteTaps(which: readonly string[], force = false): Promise<string[]> {
    return deleteTaps(this, which, force);
  }

  async mirrors(): Promise<MirrorInfo[]> {
    return mirrorsOf(await this.state());
  }

  /** @returns the mirror, or undefined in a dry run */
  createMirror(request: MirrorRequest): Promise<MirrorInfo | undefined> {
    return createMirror(this, request);
  }

  addSources(
    mirror: string,
    sources: readonly string[],
    direction: Direction = "both",
  ): Promise<MirrorInfo | undefined> {
    return addSources(this, mirror, sources, direction);
  }

  removeSources(mirror: string, sources: readonly string[]): Promise<MirrorInfo | undefined> {
    return removeSources(this, mirror, sources);
  }

  /** @param which output ports, names, UUIDs, or `all` @returns the mirrors as they were */
  deleteMirrors(which: readonly string[], force = false): Promise<MirrorInfo[]> {
    return deleteMirrors(this, which, force);
  }

  /** A port of one's own that gets copies until it is disposed of. */
  monitor(request: MonitorRequest): Promise<Monitor> {
    return makeMonitor(this, request);
  }

  /** Removes what ended processes left; with `all`, everything tapscope made. */
  clean(all = false): Promise<Cleaned> {
    return clean(this, { all });
  }

  /** What is wrong with the switch, and how to cure it. */
  examine(): Promise<Check[]> {
    return examine(this);
  }
}

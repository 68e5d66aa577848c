/** Finds running labs by name. Light, as every command does it: no outside program is run. */
import { TapscopeError } from "../core/errors.ts";
import { isAlive } from "../core/identity.ts";
import type { Place } from "../core/place.ts";
import { isHeld, type LabRecord, labNames, readRecord } from "./registry.ts";
import { LAB_DB_SOCKET, LAB_HOSTS } from "./topology.ts";

/** A running lab. */
export interface Lab {
  readonly name: string;
  /** The lab's holder, as the user's PID namespace numbers it. */
  readonly pid: number;
  /** Where the OVS and the monitor tap are. */
  readonly place: Place;
  /** OVSDB's socket, as a path that this process can connect to. */
  readonly dbSocket: string;
  /** It has hosts a and b and a monitor tap; else only the switch, and maybe virtual machines. */
  readonly hosts: boolean;
  /** The disk of its monitor VM, when it had one. */
  readonly disk: string | undefined;
  /** The place of host `a` or `b`, or of `switch`. @throws TapscopeError `E_LAB_HOST` for another name. */
  host(name: string): Place;
}

/** The lab that a record describes. */
export function toLab(name: string, record: LabRecord): Lab {
  const place: Place = { lab: { pid: record.init.pid, user: record.user } };
  return {
    name,
    pid: record.holder.pid,
    place,
    dbSocket: `/proc/${record.init.pid}/root${LAB_DB_SOCKET}`,
    hosts: record.hosts,
    disk: record.disk,
    host(host) {
      if (host === "switch") return place;
      if (record.hosts && LAB_HOSTS.some((known) => known.name === host)) return { ...place, netns: host };
      throw new TapscopeError("E_LAB_HOST", `lab '${name}' has no host '${host}'`, {
        hint: `${record.hosts ? "a, b, or " : ""}switch (where the OVS is)`,
      });
    },
  };
}

/** The running lab of that name, ready to be used, when it can be seen from here. */
export function findLab(name: string): Lab | undefined {
  const record = readRecord(name);
  return record?.ready ? toLab(name, record) : undefined;
}

/** All running labs of this user that can be used from here. Nothing is removed: only `lab up`, `lab down` and `clean` do that. */
export function listLabs(): Lab[] {
  return labNames().flatMap((name) => findLab(name) ?? []);
}

/** Labs that are alive but cannot be used from here, and why. */
export async function unusableLabs(): Promise<{ readonly name: string; readonly why: string }[]> {
  const usable = new Set(listLabs().map(({ name }) => name));
  const found = [];
  for (const name of labNames().filter((candidate) => !usable.has(candidate))) {
    const record = readRecord(name);
    if (record) {
      const making = isAlive(record.maker.pid, record.maker.startTime);
      found.push({ name, why: making ? "it is being started" : "whoever started it was killed before it was ready" });
    } else if (await isHeld(name)) found.push({ name, why: UNSEEN });
  }
  return found;
}

export const UNSEEN = "its processes cannot be seen from here (another PID namespace), or its record is lost";

/** The error for a lab that is alive and of no use here. */
export function unusable(name: string, why: string): TapscopeError {
  return new TapscopeError("E_LAB_UNUSABLE", `lab '${name}' is up, but cannot be used: ${why}`, {
    hint: `where it was started: tapscope lab status; tapscope lab down --name ${name} ends it`,
  });
}

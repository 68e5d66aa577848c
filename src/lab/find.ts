/** Finds running labs by name. Light, as every command does it: no outside program is run. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { TapscopeError } from "../core/errors.ts";
import type { Place } from "../core/place.ts";
import { type LabRecord, labDir, labNames, readRecord, removeLabDir } from "./registry.ts";
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
    host(host) {
      if (host === "switch") return place;
      if (LAB_HOSTS.some((known) => known.name === host)) return { ...place, netns: host };
      throw new TapscopeError("E_LAB_HOST", `lab '${name}' has no host '${host}'`, {
        hint: "a, b, or switch (where the OVS is)",
      });
    },
  };
}

/** The running lab of that name, ready to be used. */
export function findLab(name: string): Lab | undefined {
  const record = readRecord(name);
  return record?.ready ? toLab(name, record) : undefined;
}

/** All running labs of this user. Folders that killed labs left are removed. */
export function listLabs(): Lab[] {
  return labNames().flatMap((name) => {
    const record = readRecord(name);
    if (record === undefined && !isLocked(name)) removeLabDir(name);
    return record?.ready ? [toLab(name, record)] : [];
  });
}

// A lab's maker writes lab.json only when the holder runs: until then the folder is in use all the same.
function isLocked(name: string): boolean {
  return existsSync(join(labDir(name), "lock")) && !existsSync(join(labDir(name), "lab.json"));
}

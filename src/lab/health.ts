/** Whether a running lab still is what it was made to be: anybody in it may have deleted a tap, a namespace, or ended a daemon. */
import { existsSync, readFileSync } from "node:fs";
import { run } from "../core/process.ts";
import type { Lab } from "./find.ts";
import { LAB_HOSTS, LAB_RUN, MONITOR_TAP } from "./topology.ts";

/** What is missing of a lab, a sentence each; none when all is there. */
export async function labFaults(lab: Lab): Promise<string[]> {
  const root = `/proc/${lab.place.lab!.pid}/root`;
  const faults = ["ovsdb-server", "ovs-vswitchd"]
    .filter((daemon) => !runs(root, daemon))
    .map((it) => `${it} has ended`);
  if (!lab.hosts) return faults;
  for (const { name, tap } of LAB_HOSTS) {
    if (!existsSync(`${root}/run/netns/${name}`))
      faults.push(`host ${name} is gone: its network namespace was deleted`);
    else if (!(await hasDevice(lab, tap, name))) faults.push(`host ${name} has lost its tap ${tap}`);
  }
  if (!(await hasDevice(lab, MONITOR_TAP))) faults.push(`the monitor tap ${MONITOR_TAP} is gone`);
  return faults;
}

/** @param root the lab's root as this process sees it */
function runs(root: string, daemon: string): boolean {
  try {
    const pid = readFileSync(`${root}${LAB_RUN}/${daemon}.pid`, "latin1").trim();
    return readFileSync(`${root}/proc/${pid}/comm`, "latin1").trim() === daemon;
  } catch {
    return false;
  }
}

async function hasDevice(lab: Lab, device: string, netns?: string): Promise<boolean> {
  const ip = ["ip", ...(netns === undefined ? [] : ["-n", netns]), "link", "show", "dev", device];
  return (await run(ip, { place: lab.place, okCodes: [0, 1, 255] })).exitCode === 0;
}

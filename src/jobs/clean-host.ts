/** What killed runs leave on the host besides rows in OVSDB: labs, disks that were read, and the bootstrap's policy-rc.d. */
import { readFileSync } from "node:fs";
import { sweepDeadRuns } from "../bro/disk/run-state.ts";
import { messageOf } from "../core/errors.ts";
import { run } from "../core/process.ts";
import { type SweptLabs, sweepLabs } from "../lab/lab.ts";

/** Made by scripts/install-packages.sh, and removed by it unless it is killed: while it is there no package starts its service. */
const POLICY = "/usr/sbin/policy-rc.d";
const POLICY_MARKER = "# made by tapscope";

export interface CleanedHost {
  readonly labs: SweptLabs;
  /** A sentence for each other thing that was removed, or could not be. */
  readonly notes: readonly string[];
}

/** @param all ends labs whose holder is unknown, too @param dryRun removes nothing */
export async function cleanHost(all: boolean, dryRun: boolean): Promise<CleanedHost> {
  const labs = await sweepLabs(all, dryRun);
  const notes = [...(dryRun ? [] : await sweepDeadRuns()), ...(await sweepPolicy(dryRun))];
  return { labs, notes };
}

async function sweepPolicy(dryRun: boolean): Promise<string[]> {
  try {
    if (!readFileSync(POLICY, "latin1").includes(POLICY_MARKER)) return [];
  } catch {
    return [];
  }
  const what = `${POLICY}, which a killed installation of packages left`;
  if (dryRun) return [`would remove ${what}`];
  try {
    // The script holds this lock while it runs.
    const { exitCode } = await run(["flock", "-n", "-E", "75", "/usr/sbin", "rm", "-f", POLICY], { okCodes: [0, 75] });
    return [exitCode === 0 ? `removed ${what}` : `kept ${POLICY}: packages are being installed`];
  } catch (error) {
    return [`could not remove ${what} (${messageOf(error)}): as root: rm ${POLICY}`];
  }
}

/** Which Open vSwitch is meant, labs included (docs/reference/cli.md: --db, --lab, $TAPSCOPE_DB, $TAPSCOPE_LAB, …). */
import type { TlsFiles } from "../mirror/ovsdb/json-rpc.ts";
import { type ResolvedTarget, resolveTarget } from "../mirror/target.ts";

export interface TargetOptions {
  /** What `ovs-vsctl --db` takes. */
  readonly db?: string | undefined;
  /** The name of a running lab. */
  readonly lab?: string | undefined;
  /** For `ssl:`. */
  readonly tls?: TlsFiles | undefined;
  /** Something will be changed: then it must be beyond doubt which switch is meant. Default true. */
  readonly changes?: boolean;
}

/** @throws UsageError when it is not beyond doubt, or the lab does not run */
export async function chooseTarget(options: TargetOptions): Promise<ResolvedTarget> {
  const labs = () => import("../lab/find.ts");
  return await resolveTarget({
    db: options.db,
    lab: options.lab,
    tls: options.tls,
    env: process.env,
    changes: options.changes ?? true,
    findLab: async (name) => (await labs()).findLab(name),
    listLabs: async () => (await labs()).listLabs(),
  });
}

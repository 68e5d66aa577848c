/** Opens the Open vSwitch that a command's global options mean (DESIGN: --db, --lab, $TAPSCOPE_DB, $TAPSCOPE_LAB, …). */
import type { Command } from "commander";
import { UsageError } from "../core/errors.ts";
import { sanitize } from "../core/text.ts";
import type { TlsFiles } from "../mirror/ovsdb/json-rpc.ts";
import { Session } from "../mirror/session.ts";
import { type ResolvedTarget, resolveTarget } from "../mirror/target.ts";
import { globalOptions, note, print } from "./context.ts";

/**
 * @param changes the command changes something: then it must be beyond doubt which switch is meant
 * @throws UsageError when it is not
 */
export async function openSwitch(command: Command, changes: boolean): Promise<Session> {
  const { dryRun } = globalOptions(command);
  const { target, note: remark } = await chooseTarget(command, changes);
  if (remark) note(remark);
  return new Session(target, {
    dryRun: dryRun ? print : undefined,
    warn: (message) => note(`note: ${sanitize(message)}`),
  });
}

/** The target that a command's global options mean. */
export async function chooseTarget(command: Command, changes: boolean): Promise<ResolvedTarget> {
  const { db, lab } = globalOptions(command);
  const labs = () => import("../lab/find.ts");
  return await resolveTarget({
    db,
    lab,
    tls: tlsFiles(command),
    env: process.env,
    changes,
    findLab: async (name) => (await labs()).findLab(name),
    listLabs: async () => (await labs()).listLabs(),
  });
}

function tlsFiles(command: Command): TlsFiles | undefined {
  const { privateKey, certificate, caCert } = command.optsWithGlobals() as Partial<TlsFiles>;
  if (privateKey === undefined && certificate === undefined && caCert === undefined) return undefined;
  if (privateKey === undefined || certificate === undefined || caCert === undefined) {
    throw new UsageError("--private-key, --certificate and --ca-cert are needed together");
  }
  return { privateKey, certificate, caCert };
}

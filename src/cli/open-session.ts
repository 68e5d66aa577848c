/** Opens the Open vSwitch that a command's global options mean. */
import type { Command } from "commander";
import { UsageError } from "../core/errors.ts";
import { sanitize } from "../core/text.ts";
import { chooseTarget } from "../jobs/choose-target.ts";
import type { TlsFiles } from "../mirror/ovsdb/json-rpc.ts";
import { Session } from "../mirror/session.ts";
import { globalOptions, note, print } from "./context.ts";

/**
 * @param changes the command changes something: then it must be beyond doubt which switch is meant
 * @throws UsageError when it is not
 */
export async function openSession(command: Command, changes: boolean): Promise<Session> {
  const { db, lab, dryRun } = globalOptions(command);
  const { target, note: remark } = await chooseTarget({ db, lab, tls: tlsFiles(command), changes });
  if (remark) note(remark);
  return new Session(target, {
    dryRun: dryRun ? print : undefined,
    warn: (message) => note(`note: ${sanitize(message)}`),
  });
}

/** The lab that is meant (`--lab`, $TAPSCOPE_LAB) and does not run: for commands that have something to do all the same. */
export async function absentLab(command: Command): Promise<string | undefined> {
  const { db, lab } = globalOptions(command);
  const name =
    lab ?? (db === undefined && !process.env.TAPSCOPE_DB ? process.env.TAPSCOPE_LAB || undefined : undefined);
  if (name === undefined || db !== undefined) return undefined;
  const { findLab } = await import("../lab/find.ts");
  return findLab(name) ? undefined : name;
}

function tlsFiles(command: Command): TlsFiles | undefined {
  const { privateKey, certificate, caCert } = command.optsWithGlobals() as Partial<TlsFiles>;
  if (privateKey === undefined && certificate === undefined && caCert === undefined) return undefined;
  if (privateKey === undefined || certificate === undefined || caCert === undefined) {
    throw new UsageError("--private-key, --certificate and --ca-cert are needed together");
  }
  return { privateKey, certificate, caCert };
}

/** The command tree. Command groups are one file each; what is heavy is imported by the command that needs it. */
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { registerBridge } from "./bridge.ts";
import { registerBro } from "./bro.ts";
import { registerCapture } from "./capture.ts";
import { registerClean } from "./clean.ts";
import { registerCompletion } from "./completion.ts";
import { registerDemo } from "./demo.ts";
import { registerDoctor } from "./doctor.ts";
import { checkDryRun } from "./dry-run.ts";
import { registerExtcap } from "./extcap.ts";
import { registerFlows } from "./flows.ts";
import { describeTree } from "./help/help.ts";
import { registerInfo } from "./info.ts";
import { registerLab } from "./lab.ts";
import { registerMirror } from "./mirror.ts";
import { registerTap } from "./tap.ts";
import { registerVerify } from "./verify.ts";
import { registerVm } from "./vm.ts";
import { registerWatch } from "./watch.ts";
import { registerZeek } from "./zeek.ts";

/** The whole command tree, without running anything (the reference page, the manual pages and the completions are made from it). */
export function buildProgram(): Command {
  const version = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version as string;
  const program = new Command("tapscope")
    .description("Mirror, capture and watch traffic on Open vSwitch, and check what the mirror and Zeek say of it.")
    .version(version)
    .option("--db <ovsdb>", "the OVSDB to use, as ovs-vsctl --db takes it")
    .option("--lab <name>", "use the private OVS of this lab")
    .option("--private-key <file>", "the key for --db ssl:…, as ovs-vsctl takes it")
    .option("--certificate <file>", "the certificate for --db ssl:…")
    .option("--ca-cert <file>", "the certificate of the authority that signed the other side's")
    .option("--json", "machine-readable output")
    .option("--dry-run", "print the commands that would change something, and run none of them")
    .option("-v, --verbose", "print commands as they run, and details of errors")
    .option("--no-color", "no colour (also $NO_COLOR)")
    // run.ts tells what is wrong, as it tells every other error.
    .configureOutput({ outputError: () => {} })
    .exitOverride()
    .hook("preAction", (_, command) => checkDryRun(command));
  registerDemo(program);
  registerLab(program);
  registerBridge(program);
  registerTap(program);
  registerMirror(program);
  registerFlows(program);
  registerCapture(program);
  registerWatch(program);
  registerInfo(program);
  registerZeek(program);
  registerVerify(program);
  registerBro(program);
  registerVm(program);
  registerExtcap(program);
  registerDoctor(program);
  registerClean(program);
  registerCompletion(program);
  describeTree(program);
  return program;
}

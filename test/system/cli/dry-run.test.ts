import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { afterAll, beforeAll, expect, it } from "vitest";
import { honoursDryRun, pathOf } from "../../../src/cli/dry-run.ts";
import { buildProgram } from "../../../src/cli/program.ts";
import { run } from "../../../src/core/process.ts";
import { labsDir } from "../../../src/lab/registry.ts";
import { Ground } from "../mirror/ground.ts";
import { EVERY_CODE, program, root } from "../support.ts";

let ground: Ground;
let folder: string;
beforeAll(async () => {
  ground = await Ground.make();
  folder = await mkdtemp(join(tmpdir(), "tapscope-dry-"));
  mkdirSync(join(folder, "work"));
  await ground.tapscope("mirror", "create", "mega_tap0", "mega_tap2");
  await ground.tapscope("bridge", "create", "spare");
});
afterAll(async () => {
  await ground?.[Symbol.asyncDispose]();
  if (folder) await rm(folder, { recursive: true });
});

const pcap = join(root, "fixtures/pcaps/dns.pcap");
const disk = "disk.img";
/** How each command that takes --dry-run is called here, so that without it it would do something. */
const calls: Record<string, readonly string[]> = {
  "bridge list": [],
  "bridge create": ["other"],
  "bridge destroy": ["mega_bridge", "--force"],
  "bridge config": ["mega_bridge", "fail_mode=secure"],
  "bridge trunk": ["mega_bridge", "eth7"],
  "bridge notrunk": ["mega_bridge", "mega_tap2"],
  "bridge tunnel": ["vxlan", "mega_bridge", "192.0.2.1"],
  "bridge notunnel": ["mega_bridge", "none"],
  "bridge macs": ["mega_bridge"],
  "bridge ports": ["mega_bridge"],
  "tap list": [],
  "tap create": ["100", "--count", "3"],
  "tap attach": ["lo"],
  "tap delete": ["all", "--force"],
  "mirror list": [],
  "mirror create": ["mega_tap1", "mega_tap2", "--force"],
  "mirror add": ["mega_tap2", "mega_tap1"],
  "mirror remove": ["mega_tap2", "mega_tap0"],
  "mirror delete": ["all"],
  flows: [pcap],
  capture: ["--mirror", "mega_tap0", "-w", "run.pcapng", "--duration", "1"],
  watch: ["--mirror", "mega_tap0", "--text", "--duration", "1"],
  info: [pcap],
  "bro ls": [disk],
  "bro cat": [disk, "/x"],
  "vm list": [],
  "lab status": [],
  "lab exec": ["a", "touch", "made"],
  doctor: [],
  clean: ["--all"],
  completion: ["bash"],
  help: [],
};
/** The others are refused: these are given all they need. */
const refused: Record<string, readonly string[]> = {
  verify: ["mega_tap2", "--ping", "10.0.0.2"],
  "bro extract": [disk, "out"],
  "lab up": ["--name", "dry-up"],
  "lab down": [],
  demo: [],
  zeek: [pcap, "logs"],
  "mirror ensure": ["mirrors.yaml"],
};

function leaves(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);
}

/** All that a command could have changed: the switch, the lab, the folder it runs in. */
async function everything(): Promise<string> {
  const db = await ground.inSwitch("ovsdb-client", "--timeout=10", "dump", "Open_vSwitch", "Bridge", "Port", "Mirror");
  const columns = await ground.vsctl("--columns=name,external_ids,other_config", "list", "bridge");
  const links = await ground.inSwitch("ip", "-o", "link");
  const work = join(folder, "work");
  return JSON.stringify({
    // OVS counts on by itself.
    db: db.stdout.replaceAll(/\{[^}]*(bytes|packets)[^}]*\}/g, ""),
    columns,
    links: links.stdout.split("\n").map((line) => line.split(":")[1]),
    work: readdirSync(work, { recursive: true }),
    labs: readdirSync(labsDir()).includes("dry-up"),
    fixture: [readFileSync(pcap).length, statSync(pcap).mtimeMs],
  });
}

it("every command honours --dry-run or refuses it", { timeout: 180_000 }, async () => {
  const names = leaves(buildProgram()).map(pathOf);
  expect(names.filter((name) => honoursDryRun(name) !== name in calls)).toEqual([]);
  const before = await everything();
  for (const name of names) {
    // -C: what a command makes by mistake is made there.
    const argv = ["env", "-C", join(folder, "work"), process.execPath, program, "--lab", ground.lab.name, "--dry-run"];
    const { exitCode, stdout, stderr } = await run(
      [...argv, ...name.split(" "), ...(calls[name] ?? refused[name] ?? [])],
      {
        okCodes: EVERY_CODE,
        timeoutMs: 40_000,
      },
    );
    if (!honoursDryRun(name)) expect([name, exitCode, stdout]).toEqual([name, 2, ""]);
    if (name in refused) expect(stderr).toContain(`${name} has no --dry-run`);
    expect([name, await everything()]).toEqual([name, before]);
  }
});

it("flows that would write or send refuse it", async () => {
  for (const option of ["--write", "--ipfix", "--publish"]) {
    const { stderr } = await run([process.execPath, program, "--dry-run", "flows", option, "x", pcap], {
      okCodes: EVERY_CODE,
    });
    expect(stderr).toContain("--dry-run");
  }
});

it("what is printed is the command that would run", async () => {
  const { stdout } = await ground.tapscope("--dry-run", "tap", "create", "100");
  expect(stdout).toMatch(/nsenter -t \d+ .* ovs-vsctl .*add-port mega_bridge/);
});

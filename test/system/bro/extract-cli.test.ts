/** `tapscope bro` as a program: signals, a running VM, another user, a full disk. Runs the built program. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findWriter } from "../../../src/bro/disk/image/in-use.ts";
import {
  convert,
  fingerprint,
  listFiles,
  makeFilesystem,
  makeFolder,
  makeSource,
  tool,
} from "../../bro/disk/images.ts";

import { ordinaryUser, tapscope } from "../support.ts";

const program = join(import.meta.dirname, "../../../dist/cli/main.js");
const folder = makeFolder();
const at = (name: string) => join(folder, name);
const env = { ...process.env, XDG_RUNTIME_DIR: at("run") };
const isRoot = process.getuid!() === 0;

beforeAll(() => {
  mkdirSync(at("run"), { mode: 0o700 });
  chmodSync(folder, 0o755);
  const { root } = makeSource(folder);
  convert(makeFilesystem(at("disk.raw"), root), at("disk.qcow2"), "qcow2");
  mkdirSync(at("small"));
  for (let i = 0; i < 6000; i++) writeFileSync(at(`small/f${i}.log`), `${i}\n`);
  makeFilesystem(at("many.raw"), at("small"), { megabytes: 40, mke2fs: ["-b", "1024", "-N", "8000"] });
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }), 60_000);

function start(args: readonly string[]): {
  child: ChildProcess;
  ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
} {
  const child = spawn(process.execPath, [program, "bro", ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout!.on("data", (text) => {
    stdout += text;
  });
  child.stderr!.on("data", (text) => {
    stderr += text;
  });
  return { child, ended: new Promise((resolve) => child.on("close", (code) => resolve({ code, stdout, stderr }))) };
}

const run = (...args: string[]) => start(args).ended;

async function until(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 30_000; !condition(); ) {
    if (Date.now() > deadline) throw new Error("it did not happen within 30 s");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

describe("bro extract", () => {
  it("prints one JSON object a disk, with the keys that are promised, and a table for people", async () => {
    const { code, stdout } = await run("extract", "--json", at("disk.qcow2"), at("json"));
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as Record<string, unknown>;
    expect(Object.keys(report)).toEqual(
      expect.arrayContaining([
        "image",
        "method",
        "partition",
        "filesystem",
        "journal",
        "files",
        "bytes",
        "skipped",
        "logs",
        "manifest",
      ]),
    );
    expect(report.image).toBe(at("disk.qcow2"));
    expect((report.logs as { path: string }[]).find(({ path }) => path === "conn.log")).toEqual({
      path: "conn.log",
      kind: "conn",
      rows: 5000,
      first: 1763892000,
      last: 1763896999.004999,
      damage: null,
    });
    const shown = await run("extract", at("disk.qcow2"), at("table"));
    expect(shown.stdout).toMatch(/^conn\.log +conn +5000 +2025-11-23 10:00:00 +2025-11-23 11:23:19 +none$/m);
    expect(shown.stdout + shown.stderr).not.toContain("\x1b");
  });

  it("exits 2 for wrong arguments and 1 for a bad disk", async () => {
    expect((await run("extract", at("disk.qcow2"))).code).toBe(2);
    expect((await run("extract", "--method", "magic", at("disk.qcow2"), at("x"))).code).toBe(2);
    expect((await run("extract", at("none.qcow2"), at("x"))).code).toBe(1);
    const { code, stderr } = await run("extract", "--json", at("run"), at("x"));
    expect(code).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: "E_DISK_OPEN" } });
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
    ["SIGQUIT", 131],
  ] as const)("leaves nothing behind on %s", async (signal, exitCode) => {
    const out = at(`out-${signal}`);
    const { child, ended } = start(["extract", at("many.raw"), out]);
    await until(() => existsSync(`${out}.partial`));
    child.kill(signal);
    const { code } = await ended;
    expect(code).toBe(exitCode);
    expect(existsSync(out) || existsSync(`${out}.partial`)).toBe(false);
    expect(readdirSync(at("run/tapscope/disk"))).toEqual([]);
  });

  it("leaves only a .partial when it is killed, which the next run sweeps, whatever that extracts", async () => {
    const { child, ended } = start(["extract", at("many.raw"), at("killed")]);
    await until(() => existsSync(at("killed.partial/owner")));
    child.kill("SIGKILL");
    await ended;
    expect(existsSync(at("killed"))).toBe(false);
    const next = await run("extract", at("disk.qcow2"), at("after"));
    expect(next.stderr).toContain(`removed ${at("killed.partial")}`);
    expect(existsSync(at("killed.partial"))).toBe(false);
    expect((await run("extract", at("many.raw"), at("killed"))).code).toBe(0);
    expect(readdirSync(at("run/tapscope/disk"))).toEqual([]);
  });

  it("leaves no qemu-nbd behind when it is killed", async () => {
    const { child, ended } = start(["extract", "--method", "qemu-nbd", at("many.raw"), at("nbd-killed")]);
    await until(() => existsSync(at("nbd-killed.partial")));
    child.kill("SIGKILL");
    await ended;
    await until(() => !isRunning("qemu-nbd", at("many.raw")));
    await run("ls", at("disk.qcow2"));
  });

  it("refuses the disk of a running VM, naming its pid; --live reads it with a warning", async () => {
    copyFileSync(at("disk.qcow2"), at("live.qcow2"));
    const argv = [
      "-accel",
      "tcg",
      "-S",
      "-nodefaults",
      "-display",
      "none",
      "-drive",
      `file=${at("live.qcow2")},if=virtio`,
    ];
    const vm = spawn("qemu-system-x86_64", argv, { stdio: "ignore" });
    try {
      await until(() => findWriter(at("live.qcow2")) !== null);
      const refused = await run("extract", at("live.qcow2"), at("live"));
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain(`pid ${vm.pid}`);
      expect(refused.stderr).toContain("--live");
      const live = await run("extract", "--live", at("live.qcow2"), at("live"));
      expect(live.code).toBe(0);
      expect(live.stderr).toContain("inconsistent");
      expect(listFiles(at("live"))).toEqual(listFiles(at("source")));
    } finally {
      vm.kill("SIGKILL");
    }
  });

  it("gives an ordinary user the same", async (ctx) => {
    if (!isRoot) return ctx.skip("not root: this is an ordinary user already");
    await using user = await ordinaryUser();
    mkdirSync(at("theirs"));
    tool(["chown", String(user.uid), at("theirs")]);
    const before = fingerprint(at("disk.qcow2"));
    await tapscope(["bro", "extract", at("disk.qcow2"), at("theirs/out")], { as: user });
    expect(listFiles(at("theirs/out"))).toEqual(listFiles(at("source")));
    expect(fingerprint(at("disk.qcow2"))).toBe(before);
  });

  it("says that the disk is full, before it starts or in the middle, and takes away what it wrote", async (ctx) => {
    if (!canMount()) return ctx.skip("no mount namespace may be made here");
    copyFileSync(at("disk.raw"), at("liar.raw"));
    // The file says that it occupies nothing: the check beforehand lets it pass.
    tool(["debugfs", "-w", "-R", "sif big.bin blocks 0", at("liar.raw")]);
    for (const image of ["disk.raw", "liar.raw"]) {
      const script = `mount -t tmpfs -o size=2m t '${at("small")}' && { '${process.execPath}' '${program}' bro extract '${at(image)}' '${at("small/out")}' 2>&1; echo "exit $?"; ls -A '${at("small")}'; }`;
      const said = execFileSync("unshare", ["-rm", "sh", "-c", script], { env, encoding: "utf8" });
      expect(said).toMatch(/bytes, the disk has|the disk is full/);
      expect(said).toMatch(/exit 1\n$/);
    }
  });
});

describe("bro ls and bro cat", () => {
  it("list and show files, escaped", async () => {
    const listed = await run("ls", "-r", at("disk.qcow2"), "/odd");
    expect(listed.code).toBe(0);
    expect(listed.stdout).toContain("\\x1b[31mred");
    expect(listed.stdout).not.toContain("\x1b");
    const child = spawn(process.execPath, [program, "bro", "cat", at("disk.qcow2"), "conn.log"], { env });
    let shown = "";
    child.stdout.on("data", (text) => {
      shown += text;
    });
    await new Promise((resolve) => child.on("close", resolve));
    expect(shown.split("\n").length).toBe(5010);
    expect((await run("cat", at("disk.qcow2"), "/fifo")).code).toBe(1);
  });
});

function isRunning(name: string, argument: string): boolean {
  return readdirSync("/proc").some((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "latin1");
      return command.startsWith(name) && command.includes(argument);
    } catch {
      return false;
    }
  });
}

function canMount(): boolean {
  try {
    execFileSync("unshare", ["-rm", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

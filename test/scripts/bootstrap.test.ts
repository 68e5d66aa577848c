import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { PROGRAMS } from "../../src/core/programs.ts";
import { FakeMachine, toolsOfBootstrap, whyNoFakeMachine } from "./fake-machine.ts";

const lack = whyNoFakeMachine();
const ROOT = join(import.meta.dirname, "../..");

it("names for each program that tapscope runs the package that doctor names", () => {
  const tools = toolsOfBootstrap();
  for (const { name, debianPackage } of PROGRAMS) expect([name, tools.get(name)]).toEqual([name, debianPackage]);
});

it("names the packages that Debian has the programs in", ({ skip }) => {
  const wrong: string[] = [];
  let asked = 0;
  // What a package of that name depends on brings these.
  const byDependency = ["python3", "/usr/include/pcap/pcap.h"];
  for (const [tool, names] of toolsOfBootstrap()) {
    // `a,b`: whichever of the two the release has.
    const packageName = names.split(",").find((name) => spawnSync("dpkg-query", ["-W", name]).status === 0);
    if (packageName === undefined) continue;
    const { stdout } = spawnSync("dpkg-query", ["-L", packageName], { encoding: "utf8" });
    asked++;
    const listed = stdout.split("\n").some((file) => file === tool || file.endsWith(`/${tool}`));
    if (!listed && !byDependency.includes(tool)) wrong.push(`${tool}: not in ${packageName}`);
  }
  if (asked === 0) skip("no dpkg here to ask");
  expect(wrong).toEqual([]);
});

describe("bootstrap.sh", () => {
  beforeEach(({ skip }) => skip(lack !== null, lack ?? ""));

  it("installs what is missing and nothing else, and builds", () => {
    using machine = new FakeMachine(["ovs-vsctl", "tcpdump"]);
    const { code, text, calls } = machine.run("bash scripts/bootstrap.sh demo");
    expect([code, text]).toEqual([
      0,
      expect.stringContaining("installing Debian packages: openvswitch-switch tcpdump"),
    ]);
    expect(calls.filter((call) => call.startsWith("apt-get"))).toEqual([
      "apt-get -qq update",
      "apt-get -qq -y -o Dpkg::Use-Pty=0 install --no-install-recommends openvswitch-switch tcpdump",
    ]);
    expect(existsSync(join(machine.project, "dist/cli/main.js"))).toBe(true);
  });

  it("finds programs in /usr/sbin though the user's PATH leaves it out", () => {
    using machine = new FakeMachine(["ovs-vswitchd", "ovsdb-server", "dnsmasq"]);
    for (const name of ["ovs-vswitchd", "ovsdb-server", "dnsmasq"]) symlinkSync("/bin/true", join(machine.sbin, name));
    const { code, calls } = machine.run("bash scripts/bootstrap.sh demo");
    expect([code, calls.filter((call) => call.startsWith("apt-get"))]).toEqual([0, []]);
  });

  it("keeps services from starting only while it installs, also when apt fails, also as a sudo user", () => {
    for (const user of ["root", "sudo"]) {
      for (const fails of [false, true]) {
        using machine = new FakeMachine(["ovs-vsctl"]);
        if (user === "sudo") machine.ordinaryUser({ sudo: true });
        machine.program(
          "apt-get",
          `case $* in *install*) /usr/sbin/policy-rc.d; echo "policy $?"; exit ${fails ? 100 : 0} ;; esac`,
        );
        const { code, text } = machine.run("bash scripts/bootstrap.sh demo");
        expect([code, text]).toEqual([fails ? 1 : 0, expect.stringContaining("policy 101")]);
        expect(existsSync(join(machine.sbin, "policy-rc.d"))).toBe(false);
      }
    }
  });

  it("removes the policy-rc.d that a run ended by kill -9 left, in the next run, and leaves one of others alone", () => {
    using machine = new FakeMachine(["ovs-vsctl"]);
    const policy = join(machine.sbin, "policy-rc.d");
    machine.program("apt-get", killsItsCaller("KILL"));
    machine.run("bash scripts/install-packages.sh openvswitch-switch");
    expect(readFileSync(policy, "utf8")).toContain("# made by tapscope");
    machine.program("apt-get", ":");
    machine.program("ovs-vsctl", ":");
    const next = machine.run("bash scripts/bootstrap.sh demo");
    expect([next.code, next.text]).toEqual([0, expect.stringContaining("which a killed run left")]);
    expect(existsSync(policy)).toBe(false);

    writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
    expect(machine.run("bash scripts/install-packages.sh tcpdump").code).toBe(0);
    expect(machine.run("bash scripts/bootstrap.sh demo").code).toBe(0);
    expect(readFileSync(policy, "utf8")).toBe("#!/bin/sh\nexit 101\n");
  });

  it("leaves it to tapscope clean too, which knows its marker and leaves one of others alone", () => {
    using machine = new FakeMachine(["ovs-vsctl"]);
    const policy = join(machine.sbin, "policy-rc.d");
    machine.program("apt-get", killsItsCaller("KILL"));
    machine.run("bash scripts/install-packages.sh openvswitch-switch");
    expect(existsSync(policy)).toBe(true);
    const clean = () =>
      machine.run(`${process.execPath} ${join(ROOT, "dist/cli/main.js")} --db ${machine.folder}/none.sock clean`, {
        env: { XDG_RUNTIME_DIR: machine.folder },
      });
    expect(clean().text).toContain("removed /usr/sbin/policy-rc.d, which a killed installation of packages left");
    expect(existsSync(policy)).toBe(false);
    writeFileSync(policy, "#!/bin/sh\nexit 101\n");
    expect(clean().text).not.toContain("policy-rc.d");
    expect(existsSync(policy)).toBe(true);
  });

  it("cleans up after SIGTERM too, when apt has ended", () => {
    using machine = new FakeMachine(["ovs-vsctl"]);
    machine.program("apt-get", killsItsCaller("TERM"));
    const { code } = machine.run("bash scripts/install-packages.sh openvswitch-switch");
    expect(code).toBe(143);
    expect(existsSync(join(machine.sbin, "policy-rc.d"))).toBe(false);
  });

  it("leaves Open vSwitch disabled without systemctl and without /etc/init.d, and all other units as they are", () => {
    using machine = new FakeMachine(["ovs-vsctl"]);
    const wants = join(machine.etc, "systemd/system/multi-user.target.wants");
    mkdirSync(wants, { recursive: true });
    symlinkSync("/usr/lib/systemd/system/e2scrub_reap.service", join(wants, "e2scrub_reap.service"));
    machine.program(
      "apt-get",
      `case $* in *install*) ln=/bin/ln; for u in ovs-vswitchd systemd-pstore; do $ln -s /usr/lib/systemd/system/$u.service /etc/systemd/system/multi-user.target.wants/$u.service; done ;; esac`,
    );
    machine.program("dpkg-query", "case $1 in -L) echo /lib/systemd/system/ovs-vswitchd.service ;; *) exit 1 ;; esac");
    const { code, text } = machine.run("bash scripts/bootstrap.sh demo");
    expect([code, text]).toEqual([0, expect.stringContaining("left disabled, not started: ovs-vswitchd.service")]);
    expect(spawnSync("ls", [wants], { encoding: "utf8" }).stdout).toBe(
      "e2scrub_reap.service\nsystemd-pstore.service\n",
    );
  });

  it("takes the package that this release has, where releases differ", () => {
    using machine = new FakeMachine();
    machine.program("apt-cache", 'case $* in "madison prometheus") echo prometheus ;; esac');
    const { code, calls } = machine.run("bash scripts/install-packages.sh promtool,prometheus lz4");
    const installs = calls.filter((call) => call.includes(" install "));
    expect([code, installs]).toEqual([0, [expect.stringMatching(/--no-install-recommends prometheus lz4$/)]]);
  });

  it("leaves the units of an Open vSwitch that was there before as they are", () => {
    using machine = new FakeMachine(["tcpdump"]);
    machine.program("dpkg-query", "echo installed");
    const wants = join(machine.etc, "systemd/system/multi-user.target.wants");
    mkdirSync(wants, { recursive: true });
    symlinkSync("/usr/lib/systemd/system/ovs-vswitchd.service", join(wants, "ovs-vswitchd.service"));
    expect(machine.run("bash scripts/bootstrap.sh demo").code).toBe(0);
    expect(readdirSync(wants)).toEqual(["ovs-vswitchd.service"]);
  });

  it("waits for a locked apt, and says so", () => {
    using machine = new FakeMachine(["ovs-vsctl"]);
    const lock = "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7 (unattended-upgr)";
    machine.program(
      "apt-get",
      `case $* in *install*) n=$(cat ${machine.folder}/n 2>/dev/null || echo 0); echo $((n+1)) > ${machine.folder}/n; [ $n -ge 2 ] || { echo "${lock}" >&2; exit 100; } ;; esac`,
    );
    const { code, text, calls } = machine.run("bash scripts/bootstrap.sh demo");
    expect(code).toBe(0);
    expect(text).toMatch(/apt is in use by another process: waiting for it, up to 600 s \(.*held by process 7/);
    expect(calls.filter((call) => call.includes("DPkg::Lock::Timeout=600")).length).toBe(2);
  });

  it("gives up on an apt that stays locked, with the reason and nothing left", () => {
    using machine = new FakeMachine(["ovs-vsctl"]);
    machine.program("apt-get", 'echo "E: Unable to lock directory /var/lib/apt/lists/" >&2; exit 100');
    const { code, text } = machine.run("bash scripts/bootstrap.sh demo", { env: { TAPSCOPE_APT_WAIT: "1" } });
    expect([code, text]).toEqual([1, expect.stringContaining("apt was locked for 1 s: giving up")]);
    expect(existsSync(join(machine.sbin, "policy-rc.d"))).toBe(false);
  });

  it("says in one sentence why packages could not be had, with a hint", () => {
    using machine = new FakeMachine(["ovs-vsctl"]);
    machine.program("apt-get", 'echo "E: Unable to locate package openvswitch-switch" >&2; exit 100');
    const { code, text } = machine.run("bash scripts/bootstrap.sh demo");
    expect(code).toBe(1);
    expect(text).toContain("could not install openvswitch-switch: Unable to locate package openvswitch-switch");
    expect(text).toContain("hint: is this machine online");
  });

  it("says what root has to do where there is no sudo", () => {
    using machine = new FakeMachine(["ovs-vsctl", "newuidmap"]);
    machine.ordinaryUser({ sudo: false });
    const { code, text, calls } = machine.run("bash scripts/bootstrap.sh demo");
    expect([code, calls.filter((call) => call.startsWith("apt-get"))]).toEqual([1, []]);
    expect(text).toContain("these packages are missing, and there is no sudo: openvswitch-switch uidmap");
    expect(text).toMatch(/hint: as root: bash .*install-packages.sh openvswitch-switch uidmap .*apt-get update/);
  });

  it("says it too where sudo is there, and the user may not use it", () => {
    using machine = new FakeMachine(["ovs-vsctl"]);
    machine.ordinaryUser({ sudo: true });
    machine.program("sudo", 'echo "sudo: a password is required" >&2; exit 1');
    const { code, text } = machine.run("bash scripts/bootstrap.sh demo");
    expect([code, text]).toEqual([
      1,
      expect.stringMatching(/hint: as root: bash .*install-packages.sh openvswitch-switch /),
    ]);
  });

  it("says what to do about a /dev/net/tun that only root may open, without sudo", () => {
    using machine = new FakeMachine();
    machine.ordinaryUser({ sudo: false });
    machine.program("stat", "echo 600");
    // As root every file may be opened: here the shell's own test of it says no.
    const { code, text } = machine.run("bash scripts/bootstrap.sh demo", { env: { BASH_ENV: noAccess(machine) } });
    expect(code).toBe(1);
    expect(text).toContain("may not open /dev/net/tun, which a lab needs, and there is no sudo");
    expect(text).toContain("hint: as root: chmod 0666 /dev/net/tun");
    expect(text).not.toContain("command not found");
  });

  it("names the packages of other distributions where there is no apt-get", () => {
    using machine = new FakeMachine(["ovs-vsctl", "ip"]);
    machine.remove("apt-get");
    const { code, text } = machine.run("bash scripts/bootstrap.sh demo");
    expect(code).toBe(1);
    expect(text).toContain("dnf install iproute openvswitch");
    expect(text).toContain("pacman -S iproute2 openvswitch");
  });

  it("says in one sentence that Node is too old, or not there", () => {
    using machine = new FakeMachine();
    machine.program("node", "echo v18.20.4");
    const old = machine.run("bash scripts/bootstrap.sh demo");
    expect([old.code, old.text]).toEqual([
      1,
      expect.stringContaining("tapscope needs Node 20.19 or newer, and this is v18.20.4"),
    ]);
    machine.program("node", "echo v20.9.0");
    expect(machine.run("bash scripts/bootstrap.sh check").code).toBe(1);
    machine.remove("node");
    expect(machine.run("bash scripts/bootstrap.sh demo").text).toContain("node is not installed");
  });

  it("runs npm ci once, though cap cannot be built, and again when its compiler has come", () => {
    using machine = new FakeMachine(["g++"]);
    machine.program("node", "case $1 in --version) echo v22.11.0 ;; *) exit 1 ;; esac");
    machine.program("apt-get", ":");
    const npmCi = () =>
      machine.run("bash scripts/bootstrap.sh test").calls.filter((call) => call.startsWith("npm ci")).length;
    expect([npmCi(), npmCi(), npmCi()]).toEqual([1, 0, 0]);
    machine.program("g++", ":");
    expect([npmCi(), npmCi()]).toEqual([1, 0]);
  });

  it("builds again when a source was changed, added or deleted", () => {
    using machine = new FakeMachine();
    machine.program("node", `case $1 in --version) echo v22.11.0 ;; *) exec ${process.execPath} "$@" ;; esac`);
    const stamp = 'import("./scripts/stamp.mjs").then((it) => fs.writeFileSync(it.STAMP, it.sourceHash()))';
    machine.program("npm", `case $* in *build*) mkdir -p dist/cli; : > dist/cli/main.js; node -e '${stamp}' ;; esac`);
    const builds = () =>
      machine.run("bash scripts/bootstrap.sh demo").calls.filter((call) => call.includes("build")).length;
    expect([builds(), builds()]).toEqual([1, 0]);
    writeFileSync(join(machine.project, "src/two.ts"), "");
    expect([builds(), builds()]).toEqual([1, 0]);
    rmSync(join(machine.project, "src/one.ts"));
    expect([builds(), builds()]).toEqual([1, 0]);
    writeFileSync(join(machine.project, "src/two.ts"), "export {};");
    expect([builds(), builds()]).toEqual([1, 0]);
  });

  it("says where it ended when something fails that nobody thought of", () => {
    using machine = new FakeMachine();
    machine.remove("cut");
    const { code, text } = machine.run("bash scripts/bootstrap.sh demo");
    expect(code).not.toBe(0);
    expect(text).toMatch(/bootstrap: ended at line \d+: /);
  });
});

it("npm run bench -- --help says what there is", () => {
  const { status, stdout } = spawnSync(process.execPath, ["bench/run.mjs", "--help"], { cwd: ROOT, encoding: "utf8" });
  expect([status, stdout]).toEqual([0, expect.stringContaining("npm run bench")]);
});

it("shellcheck finds nothing in the scripts", ({ skip }) => {
  const { status, stdout, error } = spawnSync("sh", ["-c", "shellcheck scripts/*.sh test/bare/*.sh .ci/run"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  if (error || status === 127) skip("shellcheck is not installed");
  expect(stdout).toBe("");
});

/** An apt-get that sends a signal to the script, whose subshell has started it. */
function killsItsCaller(signal: string): string {
  const parentOf = (pid: string) => `$(sed 's/.*) . \\([0-9]*\\) .*/\\1/' /proc/${pid}/stat)`;
  return `case $* in *install*) kill -${signal} ${parentOf("$PPID")}; sleep 0.2 ;; esac`;
}

/** A file for bash to read first: /dev/net/tun cannot be opened. */
function noAccess(machine: FakeMachine): string {
  const path = join(machine.folder, "no-access");
  writeFileSync(path, '[() { case "$*" in "! -r /dev/net/tun ]") return 0 ;; esac; builtin [ "$@"; }\n');
  return path;
}

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { run } from "../../../src/core/process.ts";
import { MirrorWatch, makeMonitor } from "../../../src/mirror/monitor.ts";
import { Session } from "../../../src/mirror/session.ts";
import { databaseTarget } from "../../../src/mirror/target.ts";
import { EVERY_CODE, program, tapscope } from "../support.ts";
import { Ground } from "./ground.ts";

let ground: Ground;
beforeAll(async () => {
  ground = await Ground.make();
});
afterAll(() => ground[Symbol.asyncDispose]());

const RUN = "/run/openvswitch";
const pidOf = async (daemon: string) => (await ground.inSwitch("cat", `${RUN}/${daemon}.pid`)).stdout.trim();

async function startVswitchd(): Promise<void> {
  const options = [
    "--detach",
    "--no-chdir",
    `--pidfile=${RUN}/ovs-vswitchd.pid`,
    `--log-file=${RUN}/ovs-vswitchd.log`,
    "-vconsole:off",
  ];
  const { exitCode, stderr } = await ground.inSwitch("ovs-vswitchd", `unix:${RUN}/db.sock`, ...options);
  if (exitCode !== 0) throw new Error(stderr);
}

describe("with ovs-vswitchd", () => {
  it.each([
    ["stopped", "STOP", "does not answer"],
    ["killed", "KILL", "is not running"],
  ])("%s, changes are refused at once, nothing is changed, and lists go on", async (_, signal, words) => {
    const pid = await pidOf("ovs-vswitchd");
    const before = await ground.vsctl("--no-wait", "show");
    await ground.inSwitch("kill", `-${signal}`, pid);
    try {
      const changes = [
        ["mirror", "create", "mega_tap0", "mega_tap2", "--force"],
        ["tap", "create", "10"],
        ["bridge", "create", "br-x"],
      ];
      for (const args of changes) {
        expect(await ground.tapscope(...args)).toMatchObject({
          exitCode: 1,
          stderr: expect.stringContaining(`ovs-vswitchd ${words}`),
        });
      }
      expect(await ground.vsctl("--no-wait", "show")).toBe(before);
      expect(await ground.tapscope("mirror", "list")).toMatchObject({ exitCode: 0, stdout: "no mirrors\n" });
      expect((await ground.tapscope("tap", "list")).stdout).toContain("mega_tap0");
      expect(await ground.tapscope("doctor")).toMatchObject({
        exitCode: 3,
        stdout: expect.stringContaining(`ovs-vswitchd ${words}`),
      });
    } finally {
      if (signal === "STOP") await ground.inSwitch("kill", "-CONT", pid);
      else await startVswitchd();
    }
  });

  it("stopped after it was asked, the change ends by its time limit and says where it stands", async () => {
    await using blind = new Session(ground.session.target);
    // As with a remote OVSDB: only its lock tells of vswitchd, and a stopped process still holds it.
    blind.vswitchdProblem = async () => undefined;
    const pid = await pidOf("ovs-vswitchd");
    await ground.inSwitch("kill", "-STOP", pid);
    try {
      const started = performance.now();
      await expect(
        blind.change("add a port", [
          ["add-port", "mega_bridge", "late", "--", "set", "interface", "late", "type=internal"],
        ]),
      ).rejects.toMatchObject({
        code: "E_VSWITCHD_TIMEOUT",
        message: "could not add a port: ovs-vswitchd did not apply the change within 6 s",
        hint: expect.stringContaining("the change is in OVSDB"),
      });
      expect(performance.now() - started).toBeLessThan(20_000);
      expect(await ground.vsctl("--no-wait", "list-ports", "mega_bridge")).toContain("late");
    } finally {
      await ground.inSwitch("kill", "-CONT", pid);
    }
    await ground.vsctl("del-port", "late");
  });
});

describe("without ovsdb-server", () => {
  it("each command says so at once, and doctor how to cure it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tapscope-nodb-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const db = join(folder, "db.sock");
    for (const args of [
      ["mirror", "list"],
      ["mirror", "create", "a", "b"],
      ["tap", "create", "1"],
      ["bridge", "list"],
      ["clean"],
    ]) {
      expect(await tapscope(["--db", db, ...args])).toMatchObject({
        exitCode: 1,
        stderr: expect.stringMatching(/^tapscope: database connection failed: unix:.*: no such socket\nhint: /),
      });
    }
    const doctor = await tapscope(["--db", db, "--json", "doctor"]);
    expect(doctor.exitCode).toBe(3);
    const { checks } = JSON.parse(doctor.stdout);
    expect(checks.at(-1)).toMatchObject({ code: "ovsdb", ok: false, fix: expect.stringContaining("tapscope lab up") });
    expect(JSON.parse((await tapscope(["--db", db, "--json", "tap", "list"])).stderr).error).toMatchObject({
      code: "E_OVSDB_UNREACHABLE",
    });
  });
});

describe("where there is no Open vSwitch at all", () => {
  it("clean has nothing to do, and doctor says how to get one", async () => {
    // An empty /run, in a mount namespace of its own.
    const bare = async (...args: string[]) =>
      await run(
        [
          "unshare",
          process.getuid?.() === 0 ? "-m" : "-Urm",
          "bash",
          "-c",
          'mount -t tmpfs -o mode=0700 tmpfs /run && exec "$@"',
          "-",
          process.execPath,
          program,
          ...args,
        ],
        {
          okCodes: EVERY_CODE,
          env: { TAPSCOPE_DB: "", TAPSCOPE_LAB: "", OVS_RUNDIR: "", XDG_RUNTIME_DIR: "/run" },
          timeoutMs: 40_000,
        },
      );
    expect(await bare("clean")).toMatchObject({
      exitCode: 0,
      stdout: "nothing to clean\n",
      stderr: "no Open vSwitch runs here\n",
    });
    const doctor = await bare("doctor");
    expect(doctor).toMatchObject({ exitCode: 3, stdout: expect.stringContaining("tapscope lab up") });
    expect(doctor.stdout).toContain("no such socket");
    expect((await bare("mirror", "list")).stderr).toContain("database connection failed");
  });
});

describe("a transaction", () => {
  it("that names an unknown port changes nothing", async () => {
    const before = await ground.vsctl("show");
    await expect(
      ground.session.change("do half of it", [
        ["add-port", "mega_bridge", "half"],
        ["--id=@p", "get", "port", "nosuch"],
      ]),
    ).rejects.toMatchObject({
      code: "E_NO_ROW",
      message: expect.stringContaining("could not do half of it: Open vSwitch refused"),
    });
    expect(await ground.vsctl("show")).toBe(before);
  });
});

describe("a watch of a mirror's counts", () => {
  it("survives the loss of OVSDB", async () => {
    await using monitor = await makeMonitor(ground.session, { sources: ["mega_tap0"] });
    await using watch = await MirrorWatch.open(ground.session, monitor.mirror.uuid);
    expect(watch.counts.present).toBe(true);
    await ground.inSwitch("kill", await pidOf("ovsdb-server"));
    await expect.poll(() => watch.counts.present, { timeout: 10_000 }).toBe(null);
    const options = [
      `--remote=punix:${RUN}/db.sock`,
      "--detach",
      "--no-chdir",
      `--pidfile=${RUN}/ovsdb-server.pid`,
      `--log-file=${RUN}/ovsdb-server.log`,
      "-vconsole:off",
    ];
    await ground.inSwitch("ovsdb-server", `${RUN}/conf.db`, ...options);
    await expect.poll(() => watch.counts.present, { timeout: 15_000 }).toBe(true);
    // vswitchd reconnects in its own time.
    await expect.poll(() => ground.session.vswitchdProblem(), { timeout: 30_000 }).toBe(undefined);
  });
});

describe("a remote OVSDB", () => {
  // vswitchd was restarted above, and lost the ports that are in the hosts' namespaces.
  beforeAll(async () => {
    await ground[Symbol.asyncDispose]();
    ground = await Ground.make();
  });
  const undo: (() => void)[] = [];
  afterEach(() => {
    for (const step of undo.splice(0)) step();
  });

  /** Runs tapscope inside the lab's namespaces, where the remote is. */
  const inside = async (...args: string[]) =>
    await ground.inSwitch(process.execPath, join(import.meta.dirname, "../../../dist/cli/main.js"), ...args);

  it("is used by tcp:, and flows that run are refreshed over OVSDB alone", async () => {
    await ground.inSwitch(
      "ovs-appctl",
      "-t",
      `${RUN}/ovsdb-server.${await pidOf("ovsdb-server")}.ctl`,
      "ovsdb-server/add-remote",
      "ptcp:6640:127.0.0.1",
    );
    await using recorder = await ground.record();
    await using _ping = ground.pingOn();
    const target = ["--db", "tcp:127.0.0.1:6640"];
    const made = await inside(...target, "-v", "mirror", "create", "mega_tap0", "mega_tap2");
    expect(made).toMatchObject({ exitCode: 0, stderr: expect.stringContaining("other_config:forward-bpdu=true") });
    await recorder.untilCount(4);
    expect(JSON.parse((await inside(...target, "mirror", "list", "--json")).stdout)).toMatchObject([
      { output: "mega_tap2" },
    ]);
    expect((await inside(...target, "mirror", "delete", "all")).exitCode).toBe(0);
    recorder.forget();
    await using after = await ground.record("mega_tap0", ground.lab.host("a"));
    await after.untilCount(12);
    expect(await recorder.stop()).toEqual([]);
    expect(await ground.vsctl("get", "bridge", "mega_bridge", "other_config", "external_ids")).toMatch(
      /^\{\}\n\{tapscope=bridge, tapscope-owner="[^"]*"\}$/,
    );
  });

  it("is used by ssl: with key and certificates, and not without", async () => {
    const dir = mkdtempSync(join(tmpdir(), "tapscope-pki-"));
    undo.push(() => rmSync(dir, { recursive: true }));
    const file = (name: string) => join(dir, name);
    const self = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"];
    await run(["openssl", ...self, "-subj", "/CN=test-ca", "-keyout", file("ca.key"), "-out", file("ca.pem")]);
    for (const name of ["server", "client"]) {
      await run([
        "openssl",
        "req",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        `/CN=${name}`,
        "-keyout",
        file(`${name}.key`),
        "-out",
        file(`${name}.csr`),
      ]);
      await run([
        "openssl",
        "x509",
        "-req",
        "-days",
        "2",
        "-in",
        file(`${name}.csr`),
        "-CA",
        file("ca.pem"),
        "-CAkey",
        file("ca.key"),
        "-CAcreateserial",
        "-out",
        file(`${name}.pem`),
      ]);
    }
    await ground.vsctl("set-ssl", file("server.key"), file("server.pem"), file("ca.pem"));
    const server = [
      "ovsdb-server",
      `${RUN}/ssl.db`,
      "--remote=pssl:6641:127.0.0.1",
      `--private-key=${file("server.key")}`,
      `--certificate=${file("server.pem")}`,
      `--ca-cert=${file("ca.pem")}`,
    ];
    await ground.inSwitch("ovsdb-tool", "create", `${RUN}/ssl.db`, "/usr/share/openvswitch/vswitch.ovsschema");
    await ground.inSwitch(
      ...server,
      "--detach",
      "--no-chdir",
      `--pidfile=${RUN}/ssl.pid`,
      `--unixctl=${RUN}/ssl.ctl`,
      "-vconsole:off",
    );
    const target = ["--db", "ssl:127.0.0.1:6641"];
    const files = [
      "--private-key",
      file("client.key"),
      "--certificate",
      file("client.pem"),
      "--ca-cert",
      file("ca.pem"),
    ];
    expect(await inside(...target, ...files, "--json", "bridge", "list")).toMatchObject({
      exitCode: 0,
      stdout: "[]\n",
    });
    expect(await inside(...target, "bridge", "list")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("needs a key and certificates"),
    });
    expect(
      (await inside(...target, ...files.slice(0, 4), "--ca-cert", file("client.pem"), "bridge", "list")).exitCode,
    ).toBe(1);
    expect(
      (await inside(...target, ...files.slice(2), "--private-key", file("none"), "bridge", "list")).stderr,
    ).toContain("could not read --private-key");
  });
});

describe("a lab's socket given as --db", () => {
  it("is used in the lab", async () => {
    const target = databaseTarget(`unix:${ground.lab.dbSocket}`);
    expect(target.place).toEqual(ground.lab.place);
    const made = await tapscope(["--db", ground.lab.dbSocket, "mirror", "create", "mega_tap0", "mega_tap2"]);
    expect(made).toMatchObject({ exitCode: 0 });
    expect((await tapscope(["--db", ground.lab.dbSocket, "mirror", "delete", "all"])).exitCode).toBe(0);
  });
});

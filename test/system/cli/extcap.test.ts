import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findProgram, run, spawn } from "../../../src/core/process.ts";
import { Ground } from "../mirror/ground.ts";
import { EVERY_CODE, startTapscope, tapscope } from "../support.ts";

let ground: Ground;
let home: string;
beforeAll(async () => {
  ground = await Ground.make();
  home = mkdtempSync(join(tmpdir(), "tapscope-extcap-"));
});
afterAll(async () => {
  rmSync(home, { recursive: true, force: true });
  await ground[Symbol.asyncDispose]();
});

const env = () => ({ HOME: home, XDG_CONFIG_HOME: join(home, ".config") });
const extcap = (...args: string[]) => ground.tapscope("extcap", ...args);
const mirrors = async () => (await ground.mirrors()).length;
const PORT = "tapscope_port_mega_tap0";

describe("extcap", () => {
  it("lists, describes and configures interfaces in extcap's grammar, braces in names made harmless", async () => {
    const { stdout } = await extcap("--extcap-interfaces", "--extcap-version=4.0", "--some-later-option");
    expect(stdout).toMatch(/^extcap \{version=1\.0\}/);
    expect(stdout).toContain(`interface {value=${PORT}}{display=tapscope port mega_tap0 on mega_bridge, VLAN 100}`);
    expect(stdout).toContain("interface {value=tapscope_bridge_mega_bridge}");
    expect((await extcap("--extcap-interface", PORT, "--extcap-dlts")).stdout).toBe(
      "dlt {number=1}{name=EN10MB}{display=Ethernet}\n",
    );
    const { stdout: config } = await extcap("--extcap-interface", PORT, "--extcap-config");
    for (const call of ["--direction", "--snaplen", "--dedup"]) expect(config).toContain(`{call=${call}}`);
    expect((await extcap("--extcap-interface", PORT, "--extcap-capture-filter", "icmp")).stdout).toBe("");
    expect((await extcap("--extcap-interface", PORT, "--extcap-capture-filter", "icmp and")).stdout).toContain(
      "syntax",
    );
  });

  it("gives one entry that says so where OVSDB cannot be opened", async () => {
    const { stdout, exitCode } = await tapscope(["--db", "unix:/nonexistent/db.sock", "extcap", "--extcap-interfaces"]);
    expect(exitCode).toBe(0);
    expect(stdout.split("\n").filter((line) => line.startsWith("interface"))).toEqual([
      expect.stringMatching(
        /^interface \{value=tapscope_trouble\}\{display=tapscope: database connection failed.*no such socket/,
      ),
    ]);
  });

  it.each(["SIGTERM", "a closed pipe"])("takes its mirror away after %s", async (ending) => {
    const fifo = join(home, `fifo-${ending.length}`);
    await run(["mkfifo", fifo]);
    await using child = startTapscope([
      ...["--lab", ground.lab.name, "extcap", "--capture", "--extcap-interface", PORT, "--fifo", fifo],
    ]);
    const reading = spawn(["cat", fifo]);
    await expect.poll(mirrors, { timeout: 20_000 }).toBe(1);
    await using _ping = ground.pingOn();
    await new Promise<void>((resolve) => reading.stdout!.once("data", () => resolve()));
    if (ending === "SIGTERM") child.signal("SIGTERM");
    else reading.signal("SIGKILL");
    // Both are how Wireshark ends a capture.
    expect((await child.ended).exitCode).toBe(0);
    await reading[Symbol.asyncDispose]();
    expect(await mirrors()).toBe(0);
    expect(await ground.vsctl("list-ports", "mega_bridge")).not.toContain("ts-mon");
  });
});

describe.skipIf(findProgram("tshark") === undefined)("in Wireshark's own list (package tshark)", () => {
  it("is installed where this version looks, and a capture through it is what tcpdump captures", async () => {
    const installed = await run(
      [process.execPath, "dist/cli/main.js", "--lab", ground.lab.name, "extcap", "--install"],
      { env: env() },
    );
    expect(statSync(installed.stdout.trim()).mode & 0o111).toBe(0o111);
    expect(readFileSync(installed.stdout.trim(), "utf8")).toContain(`--lab ${ground.lab.name} extcap "$@"`);
    const listed = await run(["tshark", "-D"], { env: env(), timeoutMs: 40_000 });
    expect(listed.stdout).toContain(`${PORT} (tapscope port mega_tap0 on mega_bridge, VLAN 100)`);

    const file = join(home, "tshark.pcapng");
    const reference = join(home, "tcpdump.pcap");
    await ground.json("mirror", "create", "mega_tap0", "mega_tap2");
    await using tcpdump = spawn(["tcpdump", "-U", "-Z", "root", "-ni", "mega_tap2", "-w", reference], {
      place: ground.lab.place,
    });
    await using tshark = spawn(["tshark", "-i", PORT, "-w", file], { env: env() });
    await expect.poll(mirrors, { timeout: 40_000 }).toBe(2);
    const count = async (path: string) => {
      const { stdout } = await run(
        ["tshark", "-r", path, "-T", "fields", "-e", "icmp.ident", "-e", "icmp.seq", "-Y", "icmp && frame.len > 300"],
        {
          okCodes: EVERY_CODE,
          timeoutMs: 40_000,
        },
      );
      return stdout;
    };
    // It captures a moment after its mirror is there.
    await expect
      .poll(
        async () => {
          await ground.ping(1);
          return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
        },
        { timeout: 30_000 },
      )
      .toBeGreaterThan(600);
    await run(["ping", "-c", "10", "-i", "0.05", "-s", "400", "10.0.0.2"], { place: ground.lab.host("a") });
    await expect.poll(async () => (await count(file)).split("\n").length, { timeout: 30_000, interval: 500 }).toBe(21);
    await expect
      .poll(async () => (await count(reference)).split("\n").length, { timeout: 30_000, interval: 500 })
      .toBe(21);
    expect(await count(file)).toBe(await count(reference));
    tshark.signal("SIGINT");
    await tshark.ended;
    tcpdump.signal("SIGINT");
    await tcpdump.ended;
    await expect.poll(mirrors, { timeout: 20_000 }).toBe(1);
  });
});

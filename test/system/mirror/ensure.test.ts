import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { MirrorInfo } from "../../../src/mirror/mirror-info.ts";
import { startTapscope, watchOutput } from "../support.ts";
import { Ground } from "./ground.ts";
import { QEMU, startMachine } from "./machines.ts";

let ground: Ground;
let folder: string;
beforeAll(async () => {
  ground = await Ground.make();
  folder = mkdtempSync(join(tmpdir(), "tapscope-ensure-"));
});
afterEach(() => ground.clearMirrors());
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await ground[Symbol.asyncDispose]();
});

function declare(name: string, ...mirrors: object[]): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify({ mirrors }));
  return path;
}

interface Outcome {
  readonly made: string[];
  readonly changed: string[];
  readonly removed: string[];
  readonly unchanged: string[];
}

const list = async () => await ground.json<MirrorInfo[]>("mirror", "list");
const LAN = { name: "lan", sources: ["mega_tap0"], output: "mega_tap2" };

describe("mirror ensure", () => {
  it("makes what is missing, does nothing twice, changes in place, and prunes what it made", async () => {
    const path = declare("a.json", LAN);
    expect(await ground.json<Outcome>("mirror", "ensure", path)).toMatchObject({ made: ["lan"] });
    const [first] = await list();
    expect(first).toMatchObject({
      name: "lan",
      sources: [{ port: "mega_tap0", direction: "both" }],
      output: "mega_tap2",
    });
    expect(await ground.json<Outcome>("mirror", "ensure", path)).toMatchObject({
      made: [],
      changed: [],
      unchanged: ["lan"],
    });

    declare("a.json", {
      ...LAN,
      sources: ["mega_tap0", { port: "mega_tap1", direction: "in" }],
      snaplen: 128,
      vlans: 100,
    });
    expect(await ground.json<Outcome>("mirror", "ensure", path)).toMatchObject({ changed: ["lan"] });
    expect(await list()).toMatchObject([
      {
        uuid: first!.uuid,
        sources: [
          { port: "mega_tap0", direction: "both" },
          { port: "mega_tap1", direction: "in" },
        ],
        snaplen: 128,
        vlans: [100],
      },
    ]);
    const exported = await ground.tapscope("mirror", "export");
    writeFileSync(join(folder, "b.yaml"), exported.stdout);
    expect(await ground.json<Outcome>("mirror", "ensure", join(folder, "b.yaml"))).toMatchObject({
      unchanged: ["lan"],
    });

    declare("a.json", { name: "other", all: true, output: { vlan: 500 } });
    expect(await ground.json<Outcome>("mirror", "ensure", path)).toMatchObject({ made: ["other"], removed: [] });
    expect(await list()).toHaveLength(2);
    expect(await ground.json<Outcome>("mirror", "ensure", path, "--prune")).toMatchObject({ removed: ["lan"] });
    expect((await list()).map(({ name }) => name)).toEqual(["other"]);
  });

  it("says what is not there, makes the rest, and leaves others' mirrors alone", async () => {
    await ground.plainMirror("mega_bridge", "theirs", "mega_tap2", "mega_tap1");
    const path = declare("c.json", { ...LAN, name: "theirs" }, { ...LAN, name: "gone", sources: ["vm:nobody"] });
    const answer = await ground.tapscope("mirror", "ensure", path);
    expect(answer.exitCode).toBe(1);
    expect(answer.stderr).toContain(
      "mirror theirs is not whole: a mirror of that name is there, and tapscope did not make it",
    );
    expect(answer.stderr).toContain("mirror gone is not whole: source vm:nobody: there is no virtual machine 'nobody'");
    expect(await list()).toHaveLength(1);
    const wrong = await ground.tapscope("mirror", "ensure", declare("d.json", { nam: "x" }));
    expect(wrong).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("mirrors[0].nam: there is no such key"),
    });
  });
});

describe("mirror ensure --watch", () => {
  it("puts mirrors back that another hand clears, and says who it was; copies of a running flow go on", async () => {
    const path = declare("w.json", LAN);
    await using watching = startTapscope(["--lab", ground.lab.name, "mirror", "ensure", path, "--watch"]);
    const output = watchOutput(watching);
    await output.until("made lan");
    await using _ping = ground.pingOn();
    await using recorder = await ground.record();
    await recorder.untilCount(4);
    await ground.vsctl("clear", "bridge", "mega_bridge", "mirrors");
    await output.until("mirror lan: was gone: made again, not whole for ");
    expect(output.text()).toMatch(/by ovs-vsctl \(invoked by .*clear bridge mega_bridge mirrors/);
    recorder.forget();
    await recorder.untilCount(4);

    watching.signal("SIGTERM");
    expect((await watching.ended).exitCode).toBe(143);
    expect(output.text()).toMatch(/mirror lan: not whole for \d+\.\d\d s, 1 times/);
    expect(await list()).toHaveLength(1);
  });

  it("attaches a port again that comes back, and a mirror whose output comes back", async () => {
    const path = declare("x.json", { ...LAN, sources: ["src"], output: "out" });
    await using watching = startTapscope(["--lab", ground.lab.name, "mirror", "ensure", path, "--watch"]);
    const output = watchOutput(watching);
    await output.until("is not whole: source src: no port is called src");
    const add = (name: string) =>
      ground.vsctl("add-port", "mega_bridge", name, "--", "set", "interface", name, "type=internal");
    await add("src");
    await add("out");
    await output.until("mirror lan: was gone: made again");
    await ground.vsctl("del-port", "src");
    await output.until("mirror lan: not whole: source src");
    await add("src");
    await output.until("mirror lan: put right: sources");
    await ground.vsctl("del-port", "out");
    await output.until("not whole: output out");
    await add("out");
    await output.until("put right: output");
    await expect
      .poll(async () => (await list())[0], { timeout: 10_000 })
      .toMatchObject({ sources: [{ port: "src" }], output: "out" });
    watching.signal("SIGINT");
    expect((await watching.ended).exitCode).toBe(0);
    await ground.vsctl("del-port", "src", "--", "del-port", "out");
  });

  it("says what is wrong with the switch itself, and goes on when it works again", async () => {
    const path = declare("z.json", { ...LAN, strip_vlan: true });
    await using watching = startTapscope(["--lab", ground.lab.name, "mirror", "ensure", path, "--watch"]);
    const output = watchOutput(watching);
    await output.until("made lan");
    await ground.vsctl("clear", "bridge", "mega_bridge", "mirrors");
    await output.until("was gone: made again");
    // The tag that takes the copies' tags away is not what the port had before.
    expect(await ground.vsctl("get", "mirror", "lan", "external_ids:tapscope-tag-before")).toBe("none");
    const database = (await ground.inSwitch("cat", "/run/openvswitch/ovsdb-server.pid")).stdout.trim();
    await ground.inSwitch("kill", "-KILL", database);
    await output.until("database connection failed");
    await ground.inSwitch(
      ...["ovsdb-server", "/run/openvswitch/conf.db", "--remote=punix:/run/openvswitch/db.sock", "--no-chdir"],
      ...["--detach", "--pidfile=/run/openvswitch/ovsdb-server.pid"],
    );
    await output.until("the switch works again");
    watching.signal("SIGINT");
    expect((await watching.ended).exitCode).toBe(0);
    expect((await ground.tapscope("mirror", "delete", "all")).exitCode).toBe(0);
    expect(await ground.vsctl("get", "port", "mega_tap2", "tag")).toBe("[]");
  });

  it.skipIf(!existsSync(QEMU))(
    "follows a machine that is killed and comes back with another tap (qemu-system-x86)",
    async () => {
      const tap = async (name: string) => {
        await ground.inSwitch("ip", "tuntap", "add", "dev", name, "mode", "tap");
        await ground.vsctl("add-port", "mega_bridge", name, "tag=100");
        await ground.inSwitch("ip", "link", "set", name, "up");
      };
      await tap("vm_old");
      const machine = await startMachine(ground, "A", "vm_old");
      const path = declare("y.json", { ...LAN, sources: ["vm:A"] });
      await using watching = startTapscope(["--lab", ground.lab.name, "--json", "mirror", "ensure", path, "--watch"]);
      const output = watchOutput(watching);
      await output.until('"made":["lan"]');
      await machine[Symbol.asyncDispose]();
      await ground.vsctl("del-port", "vm_old");
      await output.until('"event":"broken"');
      await tap("vm_new");
      await using _again = await startMachine(ground, "A", "vm_new");
      await output.until('"event":"changed"');
      expect((await list())[0]!.sources).toEqual([{ port: "vm_new", direction: "both" }]);
      await ground.vsctl("del-port", "vm_new");
    },
  );
});

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  databaseTarget,
  endpointOf,
  type KnownLab,
  labTarget,
  resolveTarget,
  type SwitchRequest,
} from "../../src/mirror/target.ts";

const lab = (name: string): KnownLab => ({
  name,
  place: { lab: { pid: 7, user: false } },
  dbSocket: "/proc/7/root/run/openvswitch/db.sock",
});

let dir: string;
let present: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "tapscope-target-"));
  present = join(dir, "db.sock");
  writeFileSync(present, "");
});
afterAll(() => rmSync(dir, { recursive: true }));

const ask = (given: Partial<SwitchRequest>, labs: readonly string[] = []) =>
  resolveTarget({
    env: {},
    changes: false,
    systemSocket: join(dir, "absent"),
    findLab: async (name) => (labs.includes(name) ? lab(name) : undefined),
    listLabs: async () => labs.map(lab),
    ...given,
  });

describe("which Open vSwitch is meant", () => {
  it("is the first that is named", async () => {
    const env = { TAPSCOPE_DB: "unix:/env.sock", TAPSCOPE_LAB: "one", OVS_RUNDIR: "/rundir" };
    const labs = ["one", "two", "lab"];
    expect((await ask({ env, db: "/given.sock" }, labs)).target.remote).toBe("unix:/given.sock");
    expect((await ask({ env, lab: "two" }, labs)).target.label).toBe("lab 'two'");
    expect((await ask({ env }, labs)).target.remote).toBe("unix:/env.sock");
    expect((await ask({ env: { ...env, TAPSCOPE_DB: "" } }, labs)).target.label).toBe("lab 'one'");
    expect((await ask({ env: { OVS_RUNDIR: "/rundir" } }, labs)).target.remote).toBe("unix:/rundir/db.sock");
    expect((await ask({}, labs)).target.label).toBe("lab 'lab'");
    expect((await ask({ systemSocket: present })).target).toMatchObject({
      label: "the system's Open vSwitch",
      remote: `unix:${present}`,
    });
    expect((await ask({})).target.label).toBe("the system's Open vSwitch");
  });

  it("is never guessed by a command that changes something", async () => {
    const both = { systemSocket: present };
    await expect(ask({ ...both, changes: true }, ["lab", "two"])).rejects.toMatchObject({
      code: "E_USAGE",
      hint: `say --db unix:${present}, or --lab lab, --lab two`,
    });
    expect(await ask(both, ["lab"])).toMatchObject({
      target: { remote: `unix:${present}` },
      note: "using the system's Open vSwitch (a lab runs too: --lab lab)",
    });
    expect((await ask({ ...both, changes: true, db: present }, ["lab"])).note).toBeUndefined();
    await expect(ask({}, ["two"])).rejects.toMatchObject({ code: "E_USAGE", hint: "say --lab two" });
  });

  it("is not a lab that does not run, nor two at once", async () => {
    await expect(ask({ lab: "none" }, ["two"])).rejects.toMatchObject({
      code: "E_USAGE",
      hint: expect.stringContaining("these do: two"),
    });
    await expect(ask({ lab: "two", db: "x" }, ["two"])).rejects.toThrow("--db and --lab name two switches");
  });
});

describe("a remote", () => {
  it("is read as ovs-vsctl reads it", () => {
    const tls = { privateKey: "k", certificate: "c", caCert: "a" };
    expect(endpointOf(databaseTarget("tcp:192.0.2.1:6640"))).toEqual({ kind: "tcp", host: "192.0.2.1", port: 6640 });
    expect(endpointOf(databaseTarget("tcp:[2001:db8::1]"))).toEqual({ kind: "tcp", host: "2001:db8::1", port: 6640 });
    expect(endpointOf(databaseTarget("ssl:ovs.example:1234", tls))).toEqual({
      kind: "ssl",
      host: "ovs.example",
      port: 1234,
      tls,
    });
    expect(endpointOf(databaseTarget("/x/db.sock"))).toEqual({ kind: "unix", path: "/x/db.sock" });
    expect(endpointOf(labTarget(lab("x")))).toEqual({ kind: "unix", path: "/proc/7/root/run/openvswitch/db.sock" });
  });

  it("of a lab's socket runs its programs inside the lab", () => {
    const { place, remote } = databaseTarget(`unix:/proc/${process.pid}/root/run/openvswitch/db.sock`);
    expect({ place, remote }).toEqual({
      place: { lab: { pid: process.pid, user: false } },
      remote: "unix:/run/openvswitch/db.sock",
    });
  });

  it.each(["tcp:", "tcp:a:b:c", "tcp:192.0.2.1:99999", "ssl:192.0.2.1:6640"])("is refused: %s", (db) => {
    expect(() => databaseTarget(db)).toThrow(expect.objectContaining({ code: "E_USAGE" }));
  });
});

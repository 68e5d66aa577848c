import { afterAll, beforeAll, expect, it } from "vitest";
import type { Vm } from "../../../src/inventory/vm.ts";
import type { MirrorInfo } from "../../../src/mirror/mirror-info.ts";
import { articleTables, type FakeMinimega, fakeMinimega } from "../../inventory/fake-minimega.ts";
import { Ground } from "../mirror/ground.ts";

let ground: Ground;
let minimega: FakeMinimega;
beforeAll(async () => {
  ground = await Ground.make();
  minimega = await fakeMinimega(articleTables("mega_tap0", "mega_tap1"));
  process.env.TAPSCOPE_MINIMEGA = minimega.base;
});
afterAll(async () => {
  delete process.env.TAPSCOPE_MINIMEGA;
  await minimega[Symbol.asyncDispose]();
  await ground[Symbol.asyncDispose]();
});

it("names of minimega's machines and VLANs stand wherever ports and VLANs are taken, in its own forms too", async () => {
  const machines = await ground.json<Vm[]>("vm", "list");
  expect(machines.map(({ name, from, nics }) => [name, from, nics[0]?.tap, nics[0]?.vlan])).toEqual([
    ["A", "minimega", "mega_tap0", 100],
    ["B", "minimega", "mega_tap1", 100],
  ]);
  const made = await ground.json<MirrorInfo>("mirror", "create", "vm:A", "mega_tap2", "--vlan", "LAN");
  expect(made).toMatchObject({ sources: [{ port: "mega_tap0" }], vlans: [100] });
  expect((await ground.tapscope("mirror", "add", "mega_tap2", "vm:B")).exitCode).toBe(0);
  expect((await ground.tapscope("mirror", "delete", "all")).exitCode).toBe(0);
  const all = await ground.json<MirrorInfo>("mirror", "create", "vlan:LAN", "mega_tap2");
  expect(all.sources.map(({ port }) => port)).toEqual(["mega_tap0", "mega_tap1"]);
  expect((await ground.tapscope("clear", "tap", "mirror", "mega_tap2")).exitCode).toBe(0);

  const tap = await ground.tapscope("tap", "create", "DMZ");
  expect(tap).toMatchObject({ exitCode: 0, stdout: "mega_tap3\n" });
  expect(await ground.vsctl("get", "port", "mega_tap3", "tag")).toBe("101");
  const refused = await ground.tapscope("tap", "mirror", "A", "0", "B", "0");
  expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("mega_tap1 is in use") });
  expect(await ground.tapscope("mirror", "create", "vm:A", "mega_tap2", "--vlan", "nosuch")).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining("'nosuch' is neither a number nor a name that minimega knows"),
  });
});

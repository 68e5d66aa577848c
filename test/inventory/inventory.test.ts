import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type SwitchPort, takeInventory } from "../../src/inventory/inventory.ts";
import { askMinimega } from "../../src/inventory/minimega.ts";
import { articleTables, fakeMinimega } from "./fake-minimega.ts";

const port = (name: string, tag: number | null, ids: Record<string, string> = {}): SwitchPort => ({
  name,
  tag,
  bridge: "mega_bridge",
  ids: new Map(Object.entries(ids)),
});
/** A namespace in which no QEMU of this machine is. */
const NOWHERE = "/nonexistent";

describe("minimega's socket", () => {
  it("gives machines with their taps, and VLANs by name, of each namespace", async () => {
    await using minimega = await fakeMinimega(articleTables("mega_tap0", "mega_tap1"));
    const { machines, vlans } = (await askMinimega(minimega.base))!;
    expect(machines).toMatchObject([
      {
        name: "A",
        from: "minimega",
        uuid: "uuid-a",
        nics: [{ index: 0, tap: "mega_tap0", mac: "02:00:00:00:00:00", vlan: 100, bridge: "mega_bridge" }],
        disks: ["/disks/a.qcow2"],
      },
      { name: "B", nics: [{ tap: "mega_tap1" }] },
    ]);
    expect(vlans.get("LAN")).toBe(100);
    expect(vlans.get("exp//LAN")).toBe(100);
    expect(vlans.get("DMZ")).toBe(101);
    expect(minimega.commands).toEqual(["namespace", 'namespace "exp" vm info', 'namespace "exp" vlans']);
  });

  it.each([
    ["is not there", undefined],
    ["closes at once", (socket: { end(): void }) => socket.end()],
    ["sends what is no JSON", (socket: { end(text: string): void }) => socket.end("hello\n")],
    ["sends other shapes", (socket: { end(text: string): void }) => socket.end('{"Resp":7,"More":"x"}\n')],
    ["sends a null", (socket: { end(text: string): void }) => socket.end("null\n")],
  ])("gives nothing and no error when it %s", async (_, misbehave) => {
    await using minimega = await fakeMinimega({}, misbehave as never);
    const answer = await askMinimega(misbehave ? minimega.base : "/nonexistent");
    expect(answer?.machines ?? []).toEqual([]);
  });
});

describe("an inventory", () => {
  it("lists a machine once that several sources know, with what the switch knows", async () => {
    await using minimega = await fakeMinimega(articleTables("mega_tap0", "mega_tap1"));
    const { machines } = await takeInventory({
      namespace: NOWHERE,
      ports: [
        port("mega_tap0", 100, { "vm-uuid": "uuid-a", "attached-mac": "02:00:00:00:00:00" }),
        port("mega_tap1", 7),
        port("vnet9", null, { "vm-uuid": "uuid-x", "iface-id": "i" }),
      ],
      minimega: minimega.base,
      libvirt: false,
    });
    expect(machines.map(({ name, from }) => [name, from])).toEqual([
      ["A", "minimega"],
      ["B", "minimega"],
      ["uuid-x", "ovs"],
    ]);
    expect(machines[1]!.nics[0]!.vlan).toBe(7);
    expect(machines[2]!.nics).toEqual([{ index: 0, tap: "vnet9", mac: null, vlan: null, bridge: "mega_bridge" }]);
  });

  it("asks libvirt by virsh, read-only, where it is installed", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tapscope-virsh-"));
    const script = `#!/bin/sh
[ "$1 $2" = "--readonly --quiet" ] || exit 1
case "$3" in
  list) printf 'web\\n\\n' ;;
  domuuid) printf 'uuid-web\\n\\n' ;;
  domiflist) printf ' vnet0   bridge   ovsbr0   virtio   52:54:00:00:00:01\\n -   network   default   virtio   52:54:00:00:00:02\\n\\n' ;;
  domblklist) printf ' vda   /images/web.qcow2\\n sda   -\\n\\n' ;;
esac
`;
    writeFileSync(join(folder, "virsh"), script);
    chmodSync(join(folder, "virsh"), 0o755);
    const path = process.env.PATH;
    process.env.PATH = `${folder}:${path}`;
    try {
      const { machines } = await takeInventory({ namespace: NOWHERE, ports: [], minimega: null });
      expect(machines).toEqual([
        {
          name: "web",
          pid: null,
          uuid: "uuid-web",
          from: "libvirt",
          nics: [
            { index: 0, tap: "vnet0", mac: "52:54:00:00:00:01", vlan: null, bridge: "ovsbr0" },
            { index: 1, tap: null, mac: "52:54:00:00:00:02", vlan: null, bridge: "default" },
          ],
          disks: ["/images/web.qcow2"],
        },
      ]);
    } finally {
      process.env.PATH = path;
      rmSync(folder, { recursive: true });
    }
  });
});

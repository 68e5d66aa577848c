import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TapInfo } from "../../../src/mirror/tap.ts";
import type { VmTap } from "../../../src/mirror/vm-tap.ts";
import { Ground } from "./ground.ts";

let ground: Ground;
beforeAll(async () => {
  ground = await Ground.make();
});
afterAll(() => ground[Symbol.asyncDispose]());

const link = async (name: string) => {
  const { stdout } = await ground.inSwitch("ip", "-j", "-d", "address", "show", "dev", name);
  return stdout.trim() === "" ? undefined : JSON.parse(stdout)[0];
};

describe("tap create --vm", () => {
  it("makes a persistent tap without IPv6, up and on the bridge, and prints the arguments for a QEMU", async () => {
    const { stdout, exitCode } = await ground.tapscope("tap", "create", "100", "--vm", "--name", "vm_a");
    expect(exitCode).toBe(0);
    const [name, qemu] = stdout.trim().split("\n");
    expect(name).toBe("vm_a");
    expect(qemu).toMatch(
      /^-netdev tap,id=vm_a,ifname=vm_a,script=no,downscript=no -device virtio-net-pci,netdev=vm_a,mac=52:54:00(:[0-9a-f]{2}){3},csum=off,guest_csum=off$/,
    );
    expect(await link("vm_a")).toMatchObject({
      flags: expect.arrayContaining(["UP"]),
      linkinfo: { info_kind: "tun", info_data: { type: "tap", persist: true } },
      addr_info: [],
    });
    expect((await ground.inSwitch("cat", "/proc/sys/net/ipv6/conf/vm_a/disable_ipv6")).stdout.trim()).toBe("1");
    expect(await ground.vsctl("get", "port", "vm_a", "tag")).toBe("100");
    expect(await ground.json<TapInfo[]>("tap", "list")).toContainEqual(
      expect.objectContaining({ name: "vm_a", vlan: 100, owned: true }),
    );
  });

  it("gives every tap an address of its own, and lets a user's QEMU open it", async () => {
    const make = () => ground.json<VmTap>("tap", "create", "0", "--vm", "--user", "nobody");
    const [one, two] = [await make(), await make()];
    expect(new Set([one.mac, two.mac, one.name, two.name]).size).toBe(4);
    expect((await link(one.name)).linkinfo.info_data).toMatchObject({ type: "tap", user: "nobody" });
    expect(await ground.vsctl("get", "port", one.name, "tag")).toBe("[]");
  });

  it("leaves nothing of a tap that could not be made, and refuses what makes no sense", async () => {
    const create = (...args: string[]) => ground.tapscope("tap", "create", "100", "--vm", ...args);
    expect(await create("--name", "lost", "--user", "no-such-user-here")).toMatchObject({ exitCode: 1 });
    expect(await link("lost")).toBeUndefined();
    expect(await create("--name", "lost", "--bridge", "no-such-bridge")).toMatchObject({ exitCode: 1 });
    expect(await link("lost")).toBeUndefined();
    expect(await create("--name", "mega_tap2")).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("tap attach mega_tap2 --vlan 100"),
    });
    for (const wrong of [["--ip", "10.0.0.9/24"], ["--dhcp"], ["--count", "2"]])
      expect(await create(...wrong)).toMatchObject({ exitCode: 2 });
    expect(await ground.tapscope("tap", "create", "1", "--user", "nobody")).toMatchObject({ exitCode: 2 });
  });

  it("goes with its device by tap delete, clean --all and bridge destroy", async () => {
    const make = async (name: string, ...more: string[]) =>
      await ground.json("tap", "create", "7", "--vm", "--name", name, ...more);
    await make("gone0");
    await ground.tapscope("tap", "delete", "gone0");
    expect(await link("gone0")).toBeUndefined();
    await ground.tapscope("bridge", "create", "short");
    await make("gone1", "--bridge", "short");
    expect(await ground.tapscope("bridge", "destroy", "short")).toMatchObject({ exitCode: 0 });
    expect(await link("gone1")).toBeUndefined();
  });

  it("says with --dry-run what would be run, and makes nothing", async () => {
    const { stdout } = await ground.tapscope("--dry-run", "tap", "create", "100", "--vm", "--name", "dry");
    expect(stdout).toMatch(/ip tuntap add dev dry mode tap\n/);
    expect(stdout).toMatch(/^printf %s 1 \| .*tee \/proc\/sys\/net\/ipv6\/conf\/dry\/disable_ipv6$/m);
    expect(await link("dry")).toBeUndefined();
  });
});

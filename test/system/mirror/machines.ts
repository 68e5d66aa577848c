/** Virtual machines that are stopped before their first instruction: they hold their taps, and take no time. */
import { expect } from "vitest";
import { type Child, spawn } from "../../../src/core/process.ts";
import type { Ground } from "./ground.ts";

export const QEMU = "/usr/bin/qemu-system-x86_64";

/** Starts one in the lab's switch, and waits until it holds its taps, which must be there. */
export async function startMachine(ground: Ground, name: string, ...taps: string[]): Promise<Child> {
  const nics = taps.flatMap((tap, n) => [
    ...["-netdev", `tap,id=n${n},ifname=${tap},script=no,downscript=no`],
    ...["-device", `virtio-net-pci,netdev=n${n},mac=02:00:00:00:00:0${n},romfile=`],
  ]);
  const argv = [QEMU, "-accel", "tcg", "-S", "-display", "none", "-nodefaults", "-m", "32", "-name", name, ...nics];
  const child = spawn(argv, { place: ground.lab.place });
  const link = async () => (await ground.inSwitch("ip", "link", "show", taps.at(-1)!)).stdout;
  await expect.poll(link, { timeout: 30_000, interval: 100 }).toContain("LOWER_UP");
  return child;
}

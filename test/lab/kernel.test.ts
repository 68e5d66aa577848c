import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ensureKernel, moduleFiles } from "../../src/lab/vm/kernel.ts";
import { describeUnless } from "../describe-unless.ts";

const KNOWN = `echo linux-image-cloud-amd64; echo "  Depends: linux-image-6.12.0-cloud-amd64"`;

describeUnless(process.arch === "x64" ? null : "only for x86-64", "the kernel of virtual machines", () => {
  const before = { PATH: process.env.PATH, XDG_CACHE_HOME: process.env.XDG_CACHE_HOME };
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "tapscope-kernel-"));
    process.env.PATH = `${folder}:/usr/bin:/bin`;
    process.env.XDG_CACHE_HOME = folder;
  });
  afterEach(() => {
    Object.assign(process.env, before);
    if (before.XDG_CACHE_HOME === undefined) delete process.env.XDG_CACHE_HOME;
    rmSync(folder, { recursive: true, force: true });
  });

  const fake = (name: string, script: string) => {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  };
  /** A package whose modules are where a release of Debian has them. */
  const packageWith = (modules: string, file: string) => {
    fake("apt-cache", KNOWN);
    fake("apt-get", `echo "$*" >> ${folder}/asked; case $* in *download*) : > linux.deb ;; esac`);
    fake(
      "dpkg-deb",
      `mkdir -p "$3/boot" "$3/${modules}/6.12/kernel/net"; : > "$3/boot/vmlinuz-6.12"; : > "$3/${modules}/6.12/kernel/net/${file}"`,
    );
  };
  const left = () => readdirSync(join(folder, "tapscope/vm"));

  it.each([
    ["lib/modules", "openvswitch.ko"],
    ["usr/lib/modules", "openvswitch.ko.xz"],
  ])("is unpacked from Debian's package, once, with its modules from %s", async (modules, file) => {
    packageWith(modules, file);
    const kernel = await ensureKernel();
    expect(existsSync(kernel.image)).toBe(true);
    expect(moduleFiles(kernel, ["nbd", "openvswitch"])).toEqual([join(kernel.modules, "net", file)]);
    await ensureKernel();
    expect(readFileSync(join(folder, "asked"), "utf8").match(/download/g)).toHaveLength(1);
    expect(left()).toEqual(["kernel-x64"]);
  });

  it.each([
    ["empty lists", "exit 100", "exit 100", "apt's lists have no linux-image-cloud-amd64"],
    ["a download that fails", KNOWN, 'echo "E: Failed to fetch it" >&2; exit 100', "E: Failed to fetch it"],
    ["a package of another kind", KNOWN, ": > linux.deb", "has no kernel or modules where they are looked for"],
  ])("is refused with what to do for %s, and nothing is left", async (_, cache, get, why) => {
    packageWith("opt", "x.ko");
    fake("apt-cache", cache);
    fake("apt-get", get);
    await expect(ensureKernel()).rejects.toMatchObject({
      code: "E_VM_KERNEL",
      message: expect.stringContaining(why),
      hint: expect.stringContaining("apt-get update"),
    });
    expect(left()).toEqual([]);
  });
});

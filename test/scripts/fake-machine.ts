/**
 * A machine for the scripts to run on that is not there: a mount namespace (unshare(1)) with a /usr/sbin and an /etc of its own, a
 * PATH of its own, and programs in it that are a few lines of shell. Nothing outside of its folder is touched.
 */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");

/** What Debian's essential packages bring, and the scripts use. */
const ESSENTIAL =
  "bash sh sed grep sort head tr cut stat find cat rm mkdir chmod touch sha256sum dirname flock sleep cp env id ls true false kill setpriv";

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Standard output and standard error. */
  readonly text: string;
  /** What the fake programs were called with, a line a call. */
  readonly calls: readonly string[];
}

/** Why no such machine can be made here, or null. */
export function whyNoFakeMachine(): string | null {
  const probe = spawnSync("unshare", [...namespaces(), "mount", "-t", "tmpfs", "tmpfs", "/mnt"]);
  return probe.status === 0 ? null : "this system does not let this user make mount namespaces (unshare -Urm)";
}

function namespaces(): string[] {
  return process.getuid?.() === 0 ? ["-m"] : ["-Urm"];
}

/** The tools that bootstrap.sh looks for, and the package of each. */
export function toolsOfBootstrap(): Map<string, string> {
  const text = readFileSync(join(ROOT, "scripts/bootstrap.sh"), "utf8");
  const lists = [...text.matchAll(/^\w+_tools='\n([^']*)'/gm)].flatMap((match) => match[1]!.split("\n"));
  return new Map(lists.map((line) => line.split(" ") as [string, string]));
}

export class FakeMachine implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "tapscope-machine-"));
  /** The clone: the scripts, and as little of the rest as they look at. */
  readonly project = join(this.folder, "project");
  /** /usr/sbin. */
  readonly sbin = join(this.folder, "sbin");
  /** /etc. */
  readonly etc = join(this.folder, "etc");
  readonly #bin = join(this.folder, "bin");
  readonly #log = join(this.folder, "calls");

  /** @param missing tools of bootstrap.sh that are not installed; all others are */
  constructor(missing: readonly string[] = []) {
    for (const dir of [this.project, this.sbin, this.etc, this.#bin]) mkdirSync(dir);
    writeFileSync(this.#log, "");
    cpSync(join(ROOT, "scripts"), join(this.project, "scripts"), { recursive: true });
    for (const file of ["package.json", "package-lock.json", "tsconfig.json", "tsconfig.build.json"])
      cpSync(join(ROOT, file), join(this.project, file));
    mkdirSync(join(this.project, "src"));
    writeFileSync(join(this.project, "src/one.ts"), "");
    mkdirSync(join(this.project, "node_modules"));
    for (const name of ESSENTIAL.split(" ")) {
      const path = ["/usr/bin", "/bin"].map((dir) => join(dir, name)).find((file) => existsSync(file));
      if (path) symlinkSync(path, join(this.#bin, name));
    }
    for (const tool of toolsOfBootstrap().keys())
      if (!tool.startsWith("/") && !missing.includes(tool) && !existsSync(join(this.#bin, tool)))
        this.program(tool, ":");
    this.program("node", "case $1 in --version) echo v22.11.0 ;; esac");
    this.program("npm", "case $* in *build*) mkdir -p dist/cli; : > dist/cli/main.js ;; esac");
    this.program("dpkg-query", "exit 1");
    this.program("update-rc.d", ":");
    this.program("apt-cache", ":");
    this.program("dpkg-deb", ":");
    this.program("apt-get", ":");
    this.program("stat", 'case $* in *"/dev/net/tun") echo 666 ;; *) exec /usr/bin/stat "$@" ;; esac');
  }

  /** Puts a program on the PATH: a few lines of sh. Its calls are kept. */
  program(name: string, body: string): void {
    const path = join(this.#bin, name);
    rmSync(path, { force: true });
    writeFileSync(path, `#!/bin/sh\nprintf '%s\\n' "${name} $*" >> ${this.#log}\n${body}\n`);
    chmodSync(path, 0o755);
  }

  remove(...names: readonly string[]): void {
    for (const name of names) rmSync(join(this.#bin, name), { force: true });
  }

  /** From now on the user is not root; with `sudo` they may become it. */
  ordinaryUser({ sudo }: { readonly sudo: boolean }): void {
    const as = join(this.folder, "root");
    this.program("id", `[ -n "$AS_ROOT" ] && echo 0 || echo 1000`);
    if (sudo) this.program("sudo", `[ "$1" != -n ] || shift; AS_ROOT=yes exec "$@"`);
    else this.remove("sudo");
    mkdirSync(as, { recursive: true });
  }

  /** Runs a script of the project (`bootstrap.sh demo`), or with `command` any sh text in its folder. */
  run(script: string, options: { readonly timeoutMs?: number; readonly env?: Record<string, string> } = {}): Ran {
    const inside = [
      "set -e",
      `mount --bind ${this.sbin} /usr/sbin`,
      `mount --bind ${this.etc} /etc`,
      `export PATH=${this.#bin}`,
      `cd ${this.project}`,
      `exec ${script}`,
    ].join("\n");
    writeFileSync(this.#log, "");
    const { status, signal, stdout, stderr } = spawnSync("unshare", [...namespaces(), "sh", "-c", inside], {
      encoding: "utf8",
      timeout: options.timeoutMs ?? 30_000,
      env: { ...process.env, ...options.env },
    });
    const calls = readFileSync(this.#log, "utf8").split("\n").filter(Boolean);
    return { code: status, signal, text: `${stdout}${stderr}`, calls };
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

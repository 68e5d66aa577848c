import { randomBytes } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Place } from "../../src/core/place.ts";
import { type Child, run, spawn } from "../../src/core/process.ts";

export const root = join(import.meta.dirname, "../..");
export const program = join(root, "dist/cli/main.js");

export interface Answer {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

export const EVERY_CODE: readonly number[] = Array.from({ length: 256 }, (_, code) => code);

/** Runs the built program as a user would, and returns how it ended, whatever that is. */
export async function tapscope(
  args: readonly string[],
  options: { readonly as?: User; readonly timeoutMs?: number } = {},
): Promise<Answer> {
  const argv = [process.execPath, options.as?.program ?? program, ...args];
  return await run(options.as ? options.as.wrap(argv) : argv, {
    okCodes: EVERY_CODE,
    timeoutMs: options.timeoutMs ?? 40_000,
  });
}

/** Starts the built program beside the test. */
export function startTapscope(args: readonly string[], options: { readonly as?: User } = {}): Child {
  const argv = [process.execPath, options.as?.program ?? program, ...args];
  return spawn(options.as ? options.as.wrap(argv) : argv, { stdin: "pipe" });
}

/** Everything a child writes, and a promise for a text in it. */
export function watchOutput(child: Child): {
  text(): string;
  until(part: string | RegExp, limitMs?: number): Promise<string>;
} {
  let text = "";
  let wake = () => {};
  const add = (chunk: Buffer) => {
    text += chunk.toString("utf8");
    wake();
  };
  child.stdout?.on("data", add);
  child.stderr?.on("data", add);
  return {
    text: () => text,
    async until(part, limitMs = 30_000) {
      const deadline = performance.now() + limitMs;
      while (!(typeof part === "string" ? text.includes(part) : part.test(text))) {
        const left = deadline - performance.now();
        if (left <= 0) throw new Error(`'${part}' did not appear within ${limitMs} ms in:\n${text}`);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, left);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      return text;
    },
  };
}

/** A name that no other test uses. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${process.pid}-${randomBytes(3).toString("hex")}`;
}

/** An ordinary user of this machine, with a copy of the built program that they can read. */
export interface User extends AsyncDisposable {
  readonly name: string;
  readonly uid: number;
  readonly program: string;
  wrap(argv: readonly string[]): string[];
}

/** Makes a user (root only) with subordinate ids, as useradd gives them by default; disposing removes the user again. */
export async function ordinaryUser(): Promise<User> {
  const name = `tsct${randomBytes(3).toString("hex")}`;
  await run(["useradd", "--create-home", "--shell", "/bin/sh", name]);
  const uid = Number((await run(["id", "-u", name])).stdout);
  const home = mkdtempSync(join(tmpdir(), "tapscope-user-"));
  await run(["chmod", "0755", home]);
  cpSync(join(root, "dist"), join(home, "dist"), { recursive: true });
  cpSync(join(root, "package.json"), join(home, "package.json"));
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean; optional?: boolean }>;
  };
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (path !== "" && !entry.dev && !entry.devOptional && !entry.optional) {
      cpSync(join(root, path), join(home, path), { recursive: true });
    }
  }
  return {
    name,
    uid,
    program: join(home, "dist/cli/main.js"),
    wrap: (argv) => ["runuser", "-u", name, "--", "env", "-u", "XDG_RUNTIME_DIR", "-C", home, ...argv],
    async [Symbol.asyncDispose]() {
      rmSync(home, { recursive: true, force: true });
      rmSync(`/tmp/tapscope-${uid}`, { recursive: true, force: true });
      await run(["userdel", "--remove", "--force", name], { okCodes: EVERY_CODE });
    },
  };
}

/** What a lab could leave on the host: interfaces and namespaces of its names, OVS's own run directory. Other tests make others. */
export async function hostState(): Promise<string> {
  const links = await run(["ip", "-o", "link"]);
  const names = links.stdout.split("\n").map((line) => line.split(":")[1]?.trim() ?? "");
  const netns = (await run(["ip", "netns", "list"])).stdout.split("\n").map((line) => line.split(" ")[0]!);
  const ovs = await run(["ls", "-a", "/run/openvswitch"], { okCodes: EVERY_CODE });
  return JSON.stringify({
    links: names.filter((name) => /^(mega_|ovs-|ts-)/.test(name)).sort(),
    netns: netns.filter((name) => /^(a|b|switch)$/.test(name)).sort(),
    ovs: ovs.stdout,
  });
}

/** PIDs of the processes in a lab's PID namespace, as this test's PID namespace numbers them. */
export function processesOf(place: Place): number[] {
  const namespace = readlinkSync(`/proc/${place.lab!.pid}/ns/pid`);
  return readdirSync("/proc").flatMap((entry) => {
    try {
      return /^\d+$/.test(entry) && readlinkSync(`/proc/${entry}/ns/pid`) === namespace ? [Number(entry)] : [];
    } catch {
      return [];
    }
  });
}

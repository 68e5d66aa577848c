import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import { RunState, sweepDeadRuns } from "../../../src/bro/disk/run-state.ts";
import { pidScope } from "../../../src/core/identity.ts";
import { makeFolder } from "./images.ts";

const folder = makeFolder();
const runs = join(folder, "tapscope/disk");
const [boot, namespace] = pidScope().split("/") as [string, string];
const OTHER_BOOT = "00000000-1111-2222-3333-444444444444";

beforeEach(() => {
  vi.stubEnv("XDG_RUNTIME_DIR", folder);
  rmSync(runs, { recursive: true, force: true });
  mkdirSync(runs, { recursive: true, mode: 0o700 });
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** What a killed run leaves: its folder with the steps, and a partial destination that names it. */
function leave(name: string, owner: string): string {
  const partial = join(folder, `${name}.partial`);
  mkdirSync(join(partial, "tree"), { recursive: true });
  writeFileSync(join(partial, "owner"), owner);
  mkdirSync(join(runs, name));
  writeFileSync(join(runs, name, "steps.jsonl"), `${JSON.stringify({ kind: "partial", path: partial })}\n{"kind":"mo`);
  return partial;
}

describe("sweepDeadRuns", () => {
  it("undoes what a run before a reboot left, and what an ended process of this boot left", async () => {
    const before = leave(`1-99-00000000-${namespace}`, `1:99@${OTHER_BOOT}/${namespace}`);
    const ended = leave(`1-99-${boot.slice(0, 8)}-${namespace}`, `1:99@${boot}/${namespace}`);
    expect(await sweepDeadRuns()).toHaveLength(2);
    expect([before, ended].filter(existsSync)).toEqual([]);
    expect(readdirSync(runs)).toEqual([]);
  });

  it("leaves alone what runs, what another PID namespace holds, and a destination that someone else took over", async () => {
    const state = new RunState();
    const elsewhere = leave(`1-99-${boot.slice(0, 8)}-17`, `1:99@${boot}/17`);
    const taken = leave(`1-98-${boot.slice(0, 8)}-${namespace}`, state.owner);
    expect(await sweepDeadRuns()).toEqual([]);
    expect([elsewhere, taken, state.folder].every(existsSync)).toBe(true);
    await state[Symbol.asyncDispose]();
    expect(existsSync(state.folder)).toBe(false);
  });
});

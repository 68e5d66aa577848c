import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { nodeProblem } from "../../src/cli/node-version.ts";

const ROOT = join(import.meta.dirname, "../..");

it("takes the Node that package.json asks for, and newer ones", () => {
  for (const version of ["20.19.0", "20.20.2", "22.0.0", "24.11.1"]) expect(nodeProblem(version)).toBeNull();
});

it("says in one sentence that a Node is too old", () => {
  for (const version of ["12.22.12", "18.20.4", "20.0.0", "20.18.3"])
    expect(nodeProblem(version)).toMatch(
      new RegExp(`^it needs Node 20\\.19 or newer, and this is ${version}\nhint: .*README`),
    );
});

it("is looked at before anything is loaded that an old Node could not", () => {
  const folder = mkdtempSync(join(tmpdir(), "tapscope-node-"));
  try {
    // Nothing but these three is there.
    for (const file of ["package.json", "dist/cli/main.js", "dist/cli/node-version.js"])
      cpSync(join(ROOT, file), join(folder, file));
    const pretend = 'Object.defineProperty(process.versions, "node", { value: "18.20.4" });';
    const args = ["--import", `data:text/javascript,${encodeURIComponent(pretend)}`, join(folder, "dist/cli/main.js")];
    const { status, stdout, stderr } = spawnSync(process.execPath, [...args, "info", "x.pcap"], { encoding: "utf8" });
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^tapscope: it needs Node 20\.19 or newer, and this is 18\.20\.4\nhint: .*\n$/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

// The builds that a run measures: this one and, with --against, an older one, built in a worktree that is removed afterwards.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");
const run = (cwd, file, ...args) =>
  execFileSync(file, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });

/** A build: what its rows are called, and its folder with dist/. */
function build(name, folder) {
  const program = join(folder, "dist/cli/main.js");
  let help;
  return {
    name,
    folder,
    argv: (...args) => [process.execPath, program, ...args],
    /** Whether `flows` has this option: older builds lack some. */
    hasFlowsOption: (option) => {
      help ??= run(folder, process.execPath, program, "flows", "--help");
      return help.includes(`${option} `);
    },
  };
}

/** @param ref anything that git rev-parse knows, or undefined; an unknown one is an error before anything is built */
export function makeBuilds(ref) {
  const commit =
    ref === undefined
      ? null
      : run(root, "git", "rev-parse", "--verify", "--quiet", "--end-of-options", `${ref}^{commit}`).trim();
  run(root, "npm", "run", "--silent", "build");
  const builds = [build("tapscope", root)];
  if (commit === null) return { builds, remove() {} };
  const folder = mkdtempSync(join(tmpdir(), "tapscope-bench-older-"));
  const remove = () => {
    run(root, "git", "worktree", "remove", "--force", folder);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    run(root, "git", "worktree", "add", "--quiet", "--detach", folder, commit);
    const lock = "package-lock.json";
    const same = readFileSync(join(root, lock), "utf8") === readFileSync(join(folder, lock), "utf8");
    if (same && existsSync(join(root, "node_modules")))
      symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    else run(folder, "npm", "ci", "--silent");
    run(folder, "npm", "run", "--silent", "build");
    builds.push(build(ref, folder));
  } catch (error) {
    remove();
    throw error;
  }
  return { builds, remove };
}

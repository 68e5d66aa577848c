// What dist/ was built from: a hash of all sources. A build leaves it in dist/.built-from; who tests dist compares (test/fresh-dist.ts).
// Run as a program it exits with 0 when dist/ is built from the sources there are.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
export const STAMP = `${root}dist/.built-from`;

export function sourceHash() {
  const hash = createHash("sha256");
  const files = readdirSync(`${root}src`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.endsWith("/generated"))
    .map((entry) => `${entry.parentPath}/${entry.name}`);
  for (const file of [
    ...files.sort(),
    `${root}tsconfig.json`,
    `${root}tsconfig.build.json`,
    `${root}scripts/build-engine.mjs`,
  ]) {
    hash.update(`${file.slice(root.length)}\0`).update(readFileSync(file));
  }
  return hash.digest("hex");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exit(existsSync(STAMP) && readFileSync(STAMP, "utf8") === sourceHash() ? 0 : 1);
}

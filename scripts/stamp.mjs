// What dist/ was built from: a hash of all sources. A build leaves it in dist/.built-from; who tests dist compares (test/fresh-dist.ts).
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
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

// Compiles the engine: writes the modules made of its tables to src/engine/generated, then runs the AssemblyScript compiler for
// the release build and the checked one. `node scripts/build-engine.mjs`, after tsc has filled dist/.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { STAMP, sourceHash } from "./stamp.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const { generatedModules } = await import("../dist/engine/layout/modules.js");

mkdirSync(`${root}/src/engine/generated`, { recursive: true });
for (const [name, text] of Object.entries(generatedModules())) {
  const path = `${root}/src/engine/generated/${name}`;
  if (!existsSync(path) || readFileSync(path, "utf8") !== text) writeFileSync(path, text);
}

const asc = createRequire(import.meta.url).resolve("assemblyscript/bin/asc.js");
const compile = (target) =>
  new Promise((resolve, reject) => {
    const argv = [
      asc,
      "--config",
      "src/engine/asconfig.json",
      "--target",
      target,
      "--initialMemory",
      String(initialPages),
      // What tests call of its inside.
      ...(target === "checked" ? ["src/engine/probes.ts"] : []),
    ];
    const child = spawn(process.execPath, argv, { cwd: root, stdio: "inherit" });
    child.once("error", reject);
    child.once("exit", (code) => (code === 0 ? resolve() : reject(new Error(`asc --target ${target} failed`))));
  });
const { MAP_END } = await import("../dist/engine/layout/memory-map.js");
const initialPages = MAP_END / 65_536 + 1;
await Promise.all([compile("release"), compile("checked")]);
writeFileSync(STAMP, sourceHash());

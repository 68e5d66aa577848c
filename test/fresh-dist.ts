/** Before any test: builds dist anew where the sources have changed since, so that neither the engine nor the program is tested stale. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { STAMP, sourceHash } from "../scripts/stamp.mjs";

export default function setup(): void {
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === sourceHash()) return;
  console.error("dist/ is older than the sources: building it");
  execFileSync("npm", ["run", "--silent", "build"], { stdio: ["ignore", "inherit", "inherit"] });
}

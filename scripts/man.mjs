// man.mjs: the manual pages, from the command tree of the build: man/tapscope.1 and one page a command of the first level. Run by `npm pack`.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { manualPages } from "../dist/cli/help/man.js";
import { buildProgram } from "../dist/cli/program.js";

const folder = new URL("../man/", import.meta.url);
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);
for (const [name, text] of manualPages(buildProgram())) writeFileSync(new URL(name, folder), text);

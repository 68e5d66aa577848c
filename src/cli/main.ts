#!/usr/bin/env node
/** The program's beginning: says when this Node is too old, and else loads the rest, which an old one could not. */
import { nodeProblem } from "./node-version.ts";

const problem = nodeProblem(process.versions.node);
if (problem === null) {
  import("./run.ts").then(async ({ runCommandLine }) => {
    process.exitCode = await runCommandLine(process.argv.slice(2));
  });
} else {
  process.stderr.write(`tapscope: ${problem}\n`);
  process.exitCode = 1;
}

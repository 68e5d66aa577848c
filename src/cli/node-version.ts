/** Whether a Node can run tapscope. Written in what Node 12 knows, as it has to run there. */
import { readFileSync } from "node:fs";

/** Why Node `version` ("20.19.0") is too old for package.json's `engines`, with a hint; or null. */
export function nodeProblem(version: string): string | null {
  const { engines } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const floor = String(engines.node).replace(">=", "");
  const [major, minor] = numbers(version);
  const [floorMajor, floorMinor] = numbers(floor);
  if (major > floorMajor || (major === floorMajor && minor >= floorMinor)) return null;
  return `it needs Node ${floor} or newer, and this is ${version}\nhint: README.md, "What it needs", has a line that brings one`;
}

function numbers(version: string): [major: number, minor: number] {
  const [major, minor] = version.split(".");
  return [Number(major), Number(minor)];
}

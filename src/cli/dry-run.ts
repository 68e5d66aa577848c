/** What each command does with `--dry-run`: a command that stands in neither list is refused with it, and nothing of it is done. */
import type { Command } from "commander";
import { UsageError } from "../core/errors.ts";

/** They change nothing, with or without it. */
const READING = [
  ...[
    "bridge list",
    "bridge macs",
    "bridge ports",
    "tap list",
    "mirror list",
    "vm list",
    "lab status",
    "doctor",
    "completion",
    "help",
  ],
  ...["flows", "info", "bro ls", "bro cat"],
];

/** They print the commands that they would run, ready to paste, and run none. */
const SAYING = [
  ...["create", "destroy", "config", "trunk", "notrunk", "tunnel", "notunnel"].map((name) => `bridge ${name}`),
  ...["create", "attach", "delete"].map((name) => `tap ${name}`),
  ...["create", "add", "remove", "delete"].map((name) => `mirror ${name}`),
  ...["capture", "watch", "lab exec", "clean"],
];

/** @param name as `pathOf` gives it */
export function honoursDryRun(name: string): boolean {
  return READING.includes(name) || SAYING.includes(name);
}

/** @throws UsageError when `command` is given --dry-run and cannot honour it */
export function checkDryRun(command: Command): void {
  if (!(command.optsWithGlobals() as { dryRun?: boolean }).dryRun) return;
  const name = pathOf(command);
  if (honoursDryRun(name)) return;
  throw new UsageError(`${name} has no --dry-run`, { hint: "-v prints its commands as they run" });
}

/** A command as it is typed, without the program's name: `mirror create`. */
export function pathOf(command: Command): string {
  const names: string[] = [];
  for (let each: Command | null = command; each?.parent; each = each.parent) names.unshift(each.name());
  return names.join(" ");
}

/** `tapscope bro follow`: one connection through all of Zeek's logs. */
import type { Command } from "commander";
import type { FollowedRow } from "../bro/log/follow.ts";
import { TapscopeError, UsageError } from "../core/errors.ts";
import { sanitize } from "../core/text.ts";
import { complain, openLogs } from "./bro-inputs.ts";
import { globalOptions, print } from "./context.ts";
import { type DiskFlags, withDiskOptions } from "./disk-options.ts";
import { untilSignal } from "./until-signal.ts";

export function registerFollow(bro: Command): void {
  withDiskOptions(bro.command("follow"))
    .description("one connection through all of Zeek's logs, in the order of time: its files and certificates too")
    .argument("<id>", "a uid (CHhAvVGS1DHFjwGM9), or a Community ID (1:…)")
    .argument("<path...>", "folders of logs, log files, or the disk image of a VM")
    .addHelpText(
      "after",
      `
--json prints each row as an object with the kind of its log as "log".

Examples:
  tapscope bro follow CHhAvVGS1DHFjwGM9 logs/
  tapscope bro follow 1:LQU9qZlK+B5F3KDmev6m5PMibrg= --json bro.qcow2`,
    )
    .action(runFollow);
}

async function runFollow(id: string, paths: readonly string[], flags: DiskFlags, command: Command): Promise<void> {
  const { json } = globalOptions(command);
  if (!/^(?:1:[A-Za-z0-9+/]{27}=|[A-Za-z0-9]{3,64})$/.test(id)) {
    throw new UsageError(`'${id}' is neither a uid nor a Community ID`, { hint: "the id comes first, then the logs" });
  }
  await untilSignal(async (signal) => {
    const { groupLogs } = await import("../bro/log/set.ts");
    const { followConnection } = await import("../bro/log/follow.ts");
    await using opened = await openLogs(paths, flags, signal);
    const kinds = await groupLogs(opened.inputs, complain, signal);
    const rows = await followConnection(
      kinds.flatMap(({ logs }) => logs),
      id,
      { signal },
    );
    if (signal.aborted) return;
    if (rows.length === 0) throw new TapscopeError("E_LOG_NOT_FOUND", `no row of ${paths.join(", ")} is about ${id}`);
    for (const row of rows) print(json ? row.json : line(row));
  });
}

/** Not shown again in every row. */
const COMMON = new Set(["ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p"]);

function line({ log, us, fields }: FollowedRow): string {
  const get = (name: string) => fields.find(([field]) => field === name)?.[1];
  const ends = get("id.orig_h") === undefined ? [] : [`${end(get, "orig")} > ${end(get, "resp")}`];
  const rest = fields.filter(([name]) => !COMMON.has(name)).map(([name, value]) => `${name}=${value}`);
  return sanitize([time(us), log.padEnd(8), ...ends, ...rest].join("  "));
}

function end(get: (name: string) => string | undefined, side: "orig" | "resp"): string {
  const address = get(`id.${side}_h`)!;
  const port = get(`id.${side}_p`);
  return `${address.includes(":") ? `[${address}]` : address}${port === undefined ? "" : `:${port}`}`;
}

function time(us: number): string {
  const date = new Date(us / 1000);
  if (Number.isNaN(date.getTime())) return "-".padEnd(26);
  const micros = String(((us % 1e6) + 1e6) % 1e6).padStart(6, "0");
  return `${date.toISOString().replace("T", " ").slice(0, 19)}.${micros}`;
}

/**
 * Asks a running minimega for its virtual machines and VLAN aliases, over its command socket: read-only commands alone.
 *
 * The wire (minimega's pkg/miniclient/client.go and pkg/minicli; 2.7 to 2.9): a unix socket `<base>/minimega`, base /tmp/minimega by default.
 * Each message is one JSON object and a newline. A request is {"Command": "vm info"}; its answers are
 * {"Resp": [{"Host", "Response", "Header": [...], "Tabular": [[...], ...], "Error"}, ...], "Rendered": "...", "More": bool}, `Resp` with an entry
 * for each host, and the last one has `More` false. {"Status": true, …} reports progress and is no answer. Cells with several values
 * read `[a, b]`; a VLAN with an alias reads `LAN (101)`.
 */
import { connect } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Nic, Vm } from "./vm.ts";

export const DEFAULT_BASE = "/tmp/minimega";
const TIMEOUT_MS = 3000;
/** A thousand machines take about half a megabyte. */
const MAX_BYTES = 64 * 1024 * 1024;

/** What a minimega knows. */
export interface Minimega {
  readonly machines: readonly Vm[];
  /** VLANs by alias: `LAN`, and with the namespace `exp//LAN`. An alias that several namespaces have is only there with it. */
  readonly vlans: ReadonlyMap<string, number>;
}

/** One table of an answer: rows as cells by the names of their columns. */
type Rows = readonly ReadonlyMap<string, string>[];

/**
 * @param base the folder of its socket
 * @returns undefined when none listens there, or it may not be asked, or gives no answer that can be read
 */
export async function askMinimega(base: string): Promise<Minimega | undefined> {
  try {
    const names = (await ask(base, "namespace")).map((row) => row.get("namespace") ?? "").filter((name) => name !== "");
    const machines: Vm[] = [];
    const aliases: (readonly [namespace: string, alias: string, vlan: number])[] = [];
    for (const name of names.length > 0 ? names : [undefined]) {
      // Go's %q and JSON quote what a namespace's name may hold alike.
      const inNamespace = name === undefined ? "" : `namespace ${JSON.stringify(name)} `;
      machines.push(...(await ask(base, `${inNamespace}vm info`)).flatMap(machineOf));
      for (const row of await ask(base, `${inNamespace}vlans`)) {
        const vlan = Number(row.get("vlan"));
        const alias = row.get("alias") ?? "";
        if (alias !== "" && Number.isInteger(vlan)) aliases.push([name ?? "minimega", alias, vlan]);
      }
    }
    return { machines, vlans: byAlias(aliases) };
  } catch {
    return undefined;
  }
}

function byAlias(rows: readonly (readonly [string, string, number])[]): Map<string, number> {
  const found = new Map<string, number>();
  const several = new Set<string>();
  for (const [namespace, alias, vlan] of rows) {
    const bare = alias.includes("//") ? alias.slice(alias.indexOf("//") + 2) : alias;
    found.set(`${namespace}//${bare}`, vlan);
    if (found.has(bare) && found.get(bare) !== vlan) several.add(bare);
    found.set(bare, vlan);
  }
  for (const alias of several) found.delete(alias);
  return found;
}

function machineOf(row: ReadonlyMap<string, string>): Vm[] {
  const name = row.get("name");
  if (name === undefined || name === "") return [];
  const cells = (column: string) => listOf(row.get(column) ?? "");
  const [taps, macs, vlans, bridges] = [cells("tap"), cells("mac"), cells("vlan"), cells("bridge")];
  const pid = Number(row.get("pid"));
  return [
    {
      name,
      pid: pid > 0 ? pid : null,
      uuid: row.get("uuid") || null,
      from: "minimega",
      nics: taps.map(
        (tap, index): Nic => ({
          index,
          tap: tap || null,
          mac: macs[index]?.toLowerCase() || null,
          vlan: vlanOf(vlans[index] ?? ""),
          bridge: bridges[index] || null,
        }),
      ),
      disks: cells("disks").filter((disk) => disk !== ""),
    },
  ];
}

/** `[a, b]` is two, `[]` none; anything else is one. */
function listOf(cell: string): string[] {
  const inner = /^\[(.*)\]$/s.exec(cell)?.[1];
  if (inner === undefined) return cell === "" ? [] : [cell];
  return inner === "" ? [] : inner.split(/, ?/);
}

/** `101`, `LAN (101)`; `disconnected` is none. */
function vlanOf(cell: string): number | null {
  const digits = /(?:^|\()(\d+)\)?$/.exec(cell)?.[1];
  return digits === undefined ? null : Number(digits);
}

/** Runs one command and joins the tables of its answers, of this host where there are several. */
async function ask(base: string, command: string): Promise<Rows> {
  const answers: Answer[] = [];
  for await (const message of messages(join(base, "minimega"), command)) {
    if (message.Status === true) continue;
    if (Array.isArray(message.Resp)) answers.push(...(message.Resp as Answer[]));
    if (message.More !== true) break;
  }
  const own = answers.filter(({ Host }) => Host === hostname());
  return (own.length > 0 ? own : answers).flatMap(({ Header, Tabular }) =>
    Array.isArray(Header) && Array.isArray(Tabular)
      ? Tabular.map(
          (cells) => new Map(Header.map((heading, index) => [heading.toLowerCase(), String(cells[index] ?? "")])),
        )
      : [],
  );
}

interface Answer {
  readonly Host?: string;
  readonly Header?: readonly string[] | null;
  readonly Tabular?: readonly (readonly string[])[] | null;
}

async function* messages(path: string, command: string): AsyncGenerator<Readonly<Record<string, unknown>>> {
  const socket = connect({ path });
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error("minimega gave no answer")));
  socket.write(`${JSON.stringify({ Command: command })}\n`);
  let held = "";
  try {
    for await (const chunk of socket.setEncoding("utf8")) {
      held += chunk;
      if (held.length > MAX_BYTES) throw new Error("minimega's answer does not end");
      const lines = held.split("\n");
      held = lines.pop()!;
      for (const line of lines) if (line.trim() !== "") yield JSON.parse(line);
    }
  } finally {
    socket.destroy();
  }
}

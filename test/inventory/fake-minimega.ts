/** A minimega's command socket that answers as the real one does (the wire is described in src/inventory/minimega.ts). */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";

export interface Table {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface FakeMinimega extends AsyncDisposable {
  /** The folder of the socket. */
  readonly base: string;
  /** The commands it was given. */
  readonly commands: string[];
}

/** @param tables by command; another command is an error, as in the real one */
export async function fakeMinimega(
  tables: Readonly<Record<string, Table>>,
  misbehave?: (socket: Socket) => void,
): Promise<FakeMinimega> {
  const base = mkdtempSync(join(tmpdir(), "tapscope-minimega-"));
  const commands: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    if (misbehave) return misbehave(socket);
    let held = "";
    socket.setEncoding("utf8").on("data", (text: string) => {
      held += text;
      for (let end = held.indexOf("\n"); end >= 0; end = held.indexOf("\n")) {
        const { Command: command } = JSON.parse(held.slice(0, end)) as { Command: string };
        held = held.slice(end + 1);
        commands.push(command);
        const table = tables[command];
        const own = {
          Host: hostname(),
          Response: "",
          Header: table?.header ?? null,
          Tabular: table?.rows ?? null,
          Error: table ? "" : `invalid command: ${command}`,
          Data: null,
        };
        const say = (message: object) => socket.write(`${JSON.stringify(message)}\n`);
        say({ Resp: null, Rendered: "working", More: true, Status: true });
        // Another host of the mesh, whose machines are on another switch.
        say({ Resp: [{ ...own, Host: "elsewhere", Tabular: null }], Rendered: "", More: true });
        say({ Resp: [own], Rendered: "", More: false });
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(join(base, "minimega"), resolve));
  return {
    base,
    commands,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      rmSync(base, { recursive: true, force: true });
    },
  };
}

/** Two machines of the article, and a VLAN with a name. */
export function articleTables(tapA: string, tapB: string): Record<string, Table> {
  const header = ["id", "name", "state", "namespace", "type", "uuid", "vlan", "bridge", "tap", "mac", "ip", "disks"];
  const row = (id: string, name: string, uuid: string, tap: string) => [
    ...[id, name, "RUNNING", "exp", "kvm", uuid, "[LAN (100)]", "[mega_bridge]", `[${tap}]`, `[02:00:00:00:00:0${id}]`],
    ...["[]", "[/disks/a.qcow2]"],
  ];
  return {
    namespace: { header: ["namespace", "vlans", "active"], rows: [["exp", "", "true"]] },
    'namespace "exp" vm info': { header, rows: [row("0", "A", "uuid-a", tapA), row("1", "B", "uuid-b", tapB)] },
    'namespace "exp" vlans': {
      header: ["alias", "vlan"],
      rows: [
        ["LAN", "100"],
        ["exp//DMZ", "101"],
      ],
    },
  };
}

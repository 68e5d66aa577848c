/** The virtual machines behind a switch, and the ports that `vm:NAME[:NIC]` stands for. */
import { TapscopeError } from "../core/errors.ts";
import { listMachines } from "../inventory/inventory.ts";
import { parseNicName, tapOf, type Vm } from "../inventory/vm.ts";
import type { Session } from "../mirror/session.ts";
import { namespacePath } from "../mirror/target.ts";

/** The virtual machines whose taps are, or could be, ports of this switch. */
export async function machinesOf(session: Session): Promise<Vm[]> {
  const ports = await session.state().then(
    (state) => [...state.ports.values()],
    (error: unknown) => {
      // The machines are there without any switch.
      if (error instanceof TapscopeError && error.code === "E_OVSDB_UNREACHABLE") return [];
      throw error;
    },
  );
  return await listMachines({
    namespace: namespacePath(session.place),
    ports: ports.map((port) => ({
      name: port.name,
      tag: port.tag,
      bridge: port.bridge,
      ids: new Map([...port.ids, ...port.interfaces.flatMap(({ ids }) => [...ids])]),
    })),
  });
}

/** Words of a command line in which `vm:NAME[:NIC]` may stand for a port: those are replaced by the port. */
export async function resolvePorts(session: Session, words: readonly string[]): Promise<string[]> {
  const names = words.map((word) => parseNicName(word) ?? word);
  if (names.every((name) => typeof name === "string")) return names as string[];
  const machines = await machinesOf(session);
  return names.map((name) => (typeof name === "string" ? name : tapOf(machines, name)));
}

/** As `resolvePorts`, for one word. */
export async function resolvePort(session: Session, word: string): Promise<string> {
  return (await resolvePorts(session, [word]))[0]!;
}

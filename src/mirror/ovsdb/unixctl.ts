/** The control socket of an OVS daemon, what ovs-appctl speaks: JSON-RPC whose parameters and result are text (ovs-appctl(8)). */
import { JsonRpc } from "./json-rpc.ts";

/**
 * Runs one command of a daemon and returns what it says.
 * @throws TapscopeError `E_OVSDB_UNREACHABLE` when nothing listens, `E_OVSDB_TIMEOUT`; RpcError when the daemon refuses.
 */
export async function unixctl(
  path: string,
  command: string,
  args: readonly string[],
  timeoutMs: number,
): Promise<string> {
  await using connection = await JsonRpc.connect({ kind: "unix", path }, timeoutMs);
  return String((await connection.call(command, args, timeoutMs)) ?? "");
}

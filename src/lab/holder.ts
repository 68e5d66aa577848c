/**
 * The process that holds a lab's namespaces: network, mount and PID, and a user namespace when not root
 * (unshare(1), user_namespaces(7)). When it dies, however that happens, the kernel ends everything in them.
 */
import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { messageOf, TapscopeError } from "../core/errors.ts";
import { startTimeOf } from "../core/identity.ts";
import { onlyChildOf, run, spawnDetached } from "../core/process.ts";
import { eventually } from "./wait.ts";

/** PID 1 of the lab: it waits, and reaps what is orphaned. The text is fixed; nothing is put into it. */
const INIT = ["sh", "-c", "while :; do sleep 86400 & wait $!; done"];

const FORBIDDEN_HINT =
  "this system does not let ordinary users make user namespaces (kernel.unprivileged_userns_clone, user.max_user_namespaces, " +
  "kernel.apparmor_restrict_unprivileged_userns): run tapscope with sudo";

const CONTAINER_HINT = "in a container, it needs CAP_SYS_ADMIN and CAP_NET_ADMIN";

export interface Holder {
  /** On the outside. */
  readonly pid: number;
  /** The lab's PID 1, seen from the outside. */
  readonly init: number;
  readonly user: boolean;
}

/**
 * Starts a holder that locks `lockFile`. With `attached` it dies with this process.
 * @throws TapscopeError `E_LAB_LOCKED` when another holder has the lock, `E_LAB_NAMESPACES` when the system forbids it.
 */
export async function startHolder(lockFile: string, attached: boolean): Promise<Holder> {
  const user = process.getuid?.() !== 0;
  const unshare = ["unshare", ...(user ? ["-U"] : []), "-nmp", "--fork", "--kill-child", "--mount-proc"];
  if (user) unshare.push("--map-root-user", "--map-auto");
  await checkNamespaces(unshare, user);
  const tie = attached ? ["setpriv", "--pdeathsig", "KILL", "--"] : [];
  const pid = await spawnDetached([...tie, "flock", "-n", "--no-fork", lockFile, ...unshare, ...INIT]);
  try {
    const init = await eventually("the lab's namespaces", 5000, () => {
      if (startTimeOf(pid) === undefined)
        throw new TapscopeError("E_LAB_LOCKED", "could not start the lab: another process holds its lock");
      const child = onlyChildOf(pid);
      return child !== undefined && isInit(child) ? child : undefined;
    });
    return { pid, init, user };
  } catch (error) {
    kill(pid);
    throw error;
  }
}

/** unshare's child has all namespaces and its own /proc only once it has become the shell. */
function isInit(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, "latin1").trim() === INIT[0];
  } catch {
    return false;
  }
}

// Distributions forbid namespaces in different ways; mounting in the new ones is what the lab will do first.
async function checkNamespaces(unshare: readonly string[], user: boolean): Promise<void> {
  if (user && !(hasSubordinateIds("/etc/subuid") && hasSubordinateIds("/etc/subgid"))) {
    throw new TapscopeError(
      "E_LAB_NAMESPACES",
      "could not start the lab: this user has no range of subordinate ids in /etc/subuid and /etc/subgid",
      {
        hint: `as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${userInfo().username}   (or run tapscope with sudo)`,
      },
    );
  }
  try {
    await run([...unshare, "mount", "-t", "tmpfs", "tmpfs", "/run"]);
  } catch (error) {
    const message = `could not start the lab: no namespaces for it: ${messageOf(error)}`;
    throw new TapscopeError("E_LAB_NAMESPACES", message, {
      hint: user ? FORBIDDEN_HINT : CONTAINER_HINT,
      cause: error,
    });
  }
}

function hasSubordinateIds(file: string): boolean {
  const { username, uid } = userInfo();
  try {
    return readFileSync(file, "utf8")
      .split("\n")
      .some((line) => line.startsWith(`${username}:`) || line.startsWith(`${uid}:`));
  } catch {
    return false;
  }
}

/** Kills a holder, and so the lab. */
export function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

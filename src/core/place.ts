/**
 * Where an outside program runs: on the host, in a network namespace, or in a lab's namespaces.
 * Node itself never changes namespace; a place is data, and wraps the program's argument vector.
 */

/** The namespaces of another process: a lab's PID 1. */
export interface Namespaces {
  /** A process in them, as this process's PID namespace numbers it. */
  readonly pid: number;
  /** They include a user namespace, so that entering them needs no root. */
  readonly user: boolean;
}

/** Both parts are optional: `{}` is the host, where the user started tapscope. */
export interface Place {
  readonly lab?: Namespaces;
  /** A network namespace: a name `ip netns` knows in that place, or a path (`/proc/PID/ns/net`). */
  readonly netns?: string;
}

export const HOST: Place = {};

/** A program of ours dies with the process that started it, whatever kills that one (prctl(2), PR_SET_PDEATHSIG). */
const DIE_WITH_PARENT = ["setpriv", "--pdeathsig", "KILL", "--"];

const IGNORE_KEYS = ["env", "--ignore-signal=INT", "--ignore-signal=QUIT"];
const OBEY_KEYS = ["env", "--default-signal=INT", "--default-signal=QUIT"];

/**
 * The argument vector that runs `argv` in `place` and lets it die with its parent.
 *
 * Killing nsenter alone leaves the child it forks for the PID namespace running, hence the second setpriv. On a
 * terminal (`interactive`), Ctrl-C reaches nsenter too, which would die and take the program along: it ignores the
 * signal, and the program, which inherits that, is made to obey it again.
 */
export function wrapForPlace(place: Place, argv: readonly string[], interactive = false): string[] {
  const netns =
    place.netns === undefined
      ? []
      : place.netns.includes("/")
        ? ["nsenter", `--net=${place.netns}`, "--"]
        : ["ip", "netns", "exec", place.netns];
  if (!place.lab) return [...DIE_WITH_PARENT, ...netns, ...argv];
  const enter = ["nsenter", "-t", String(place.lab.pid), ...(place.lab.user ? ["-U"] : []), "-n", "-m", "-p", "--"];
  const inner = [...DIE_WITH_PARENT, ...netns, ...argv];
  if (!interactive) return [...DIE_WITH_PARENT, ...enter, ...inner];
  return [...IGNORE_KEYS, ...DIE_WITH_PARENT, ...enter, ...OBEY_KEYS, ...inner];
}

/** How a place is called in messages: `the host`, `netns a`, `the lab, netns a`. */
export function describePlace(place: Place): string {
  const parts = [...(place.lab ? ["the lab"] : []), ...(place.netns === undefined ? [] : [`netns ${place.netns}`])];
  return parts.length === 0 ? "the host" : parts.join(", ");
}

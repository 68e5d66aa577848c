/**
 * The one place that runs ovs-vsctl(8), the only program that changes a switch. ovs-vsctl exits with 0 in many cases in which
 * vswitchd refused what was asked, and says so on stderr only: here any word on stderr is a failure.
 */
import { type ErrorCode, TapscopeError } from "../core/errors.ts";
import type { SwitchTarget } from "./target.ts";

/** One ovs-vsctl command, the words between two `--`. */
export type VsctlCommand = readonly string[];

/** ovs-vsctl waits for vswitchd to apply the change: a device each takes up to 20 ms to make or remove. */
export function timeoutSeconds(commands: number): number {
  return Math.ceil(5 + 0.05 * commands);
}

/** The argument vector that makes all `commands` one transaction. */
export function vsctlArgv(target: SwitchTarget, commands: readonly VsctlCommand[]): string[] {
  const { tls } = target;
  return [
    "ovs-vsctl",
    `--timeout=${timeoutSeconds(commands.length)}`,
    `--db=${target.remote}`,
    ...(tls ? [`--private-key=${tls.privateKey}`, `--certificate=${tls.certificate}`, `--ca-cert=${tls.caCert}`] : []),
    ...commands.flatMap((part) => ["--", ...part]),
  ];
}

/**
 * Makes one transaction and waits until ovs-vswitchd has applied it. Returns what ovs-vsctl wrote to stdout.
 * @throws TapscopeError with the code `explainStderr` gives, or `E_VSWITCHD_TIMEOUT`: then the database *has* been changed.
 */
export async function vsctl(target: SwitchTarget, commands: readonly VsctlCommand[]): Promise<string> {
  const { ProcessError, run } = await import("../core/process.ts");
  const seconds = timeoutSeconds(commands.length);
  try {
    const { stdout, stderr } = await run(vsctlArgv(target, commands), {
      place: target.place,
      timeoutMs: (seconds + 3) * 1000,
    });
    if (complaints(stderr) !== "") throw explainStderr(stderr);
    return stdout;
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
    if (error.code === "E_COMMAND_NOT_FOUND") throw notInstalled(error);
    // --timeout ends ovs-vsctl with SIGALRM; seen through a shell or nsenter that is 128 + 14.
    if (error.signal === "SIGALRM" || error.exitCode === 142 || error.code === "E_COMMAND_TIMEOUT") {
      throw new TapscopeError("E_VSWITCHD_TIMEOUT", `ovs-vswitchd did not apply the change within ${seconds} s`, {
        hint: "the change is in OVSDB and will be applied when ovs-vswitchd runs; tapscope doctor says what is wrong",
        cause: error,
      });
    }
    throw explainStderr(error.stderrTail, error);
  }
}

/** A line of OVS's own log, e.g. `…|timeval|WARN|Unreasonably long 2684ms poll interval` on a busy machine: not about the change. */
const LOG_LINE = /^\d{4}-\d\d-\d\dT\S+\|\d+\|/;

function complaints(stderr: string): string {
  return stderr
    .split("\n")
    .filter((line) => !LOG_LINE.test(line))
    .join("\n")
    .trim();
}

function notInstalled(cause: unknown): TapscopeError {
  return new TapscopeError("E_OVS_NOT_INSTALLED", "cannot run ovs-vsctl: Open vSwitch is not installed", {
    hint: "apt-get install openvswitch-switch",
    cause,
  });
}

interface Explanation {
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  readonly hint?: string;
}

/** What ovs-vsctl 2.17 to 3.5 says, and what it means. Each has a fixture in test/mirror/ovs-vsctl.test.ts. */
const EXPLANATIONS: readonly Explanation[] = [
  {
    pattern: /database connection failed/,
    code: "E_OVSDB_UNREACHABLE",
    hint: "ovsdb-server is not running there, or you may not use it: tapscope doctor",
  },
  {
    pattern: /could not open network device/,
    code: "E_DEVICE",
    hint: "is there a device of that name in the switch's network namespace?",
  },
  { pattern: /Error detected while setting up/, code: "E_PORT_SETUP", hint: "ovs-vswitchd's log says more" },
  { pattern: /cannot create a (?:bridge|port) named \S+ because a (?:bridge|port) named/, code: "E_EXISTS" },
  { pattern: /already exists on bridge/, code: "E_EXISTS" },
  { pattern: /no bridge named/, code: "E_NO_BRIDGE", hint: "tapscope bridge list shows those there are" },
  {
    pattern: /no port named|no interface named/,
    code: "E_NO_PORT",
    hint: "tapscope bridge ports shows those there are",
  },
  { pattern: /no row ".*" in table Mirror/, code: "E_NO_MIRROR", hint: "tapscope mirror list shows those there are" },
  { pattern: /no row ".*" in table/, code: "E_NO_ROW" },
  { pattern: /multiple rows in \w+ match/, code: "E_AMBIGUOUS", hint: "name it by its uuid" },
  { pattern: /constraint violation/, code: "E_CONSTRAINT" },
  {
    pattern: /does not contain a column whose name matches/,
    code: "E_NO_COLUMN",
    hint: "this Open vSwitch is too old for it",
  },
  {
    pattern: /permission denied/i,
    code: "E_PERMISSION",
    hint: "run as root (sudo), or use a lab of your own: tapscope lab up",
  },
];

/** The change is in OVSDB although it failed: OVS could not set a device up. (`E_VSWITCHD_TIMEOUT` left to be applied later is meant to stay.) */
export function wasCommitted(error: unknown): boolean {
  return error instanceof TapscopeError && (error.code === "E_DEVICE" || error.code === "E_PORT_SETUP");
}

/** The error that ovs-vsctl's own words stand for. */
export function explainStderr(stderr: string, cause?: unknown): TapscopeError {
  const lines = (complaints(stderr) || stderr)
    .split("\n")
    .map((line) =>
      line
        .replace(/^\S+\|\d+\|\w+\|\w+\|/, "")
        .replace(/^ovs-vsctl: /, "")
        .replace(/\s*See ovs-vswitchd log for details\.?/, "")
        .trim(),
    )
    .filter((line) => line !== "" && !line.startsWith("The default log directory is"));
  const said = lines.join("; ") || "it gave no reason";
  const known = EXPLANATIONS.find(({ pattern }) => pattern.test(said));
  return new TapscopeError(known?.code ?? "E_OVS_VSCTL", `Open vSwitch refused: ${said}`, { hint: known?.hint, cause });
}

/** A string as a value in ovs-vsctl's `column=value`: bare where it may be, else quoted as JSON (ovs-vsctl(8), "Database Values"). */
export function quoteValue(text: string): string {
  const bare = /^\w[\w.-]*$/.test(text) && text !== "true" && text !== "false" && !/^[0-9a-f]{8}-/i.test(text);
  return bare ? text : JSON.stringify(text);
}

/** `external_ids:key=value` words of a row. */
export function externalIds(ids: Readonly<Record<string, string>>): string[] {
  return Object.entries(ids).map(([key, value]) => `external_ids:${key}=${quoteValue(value)}`);
}

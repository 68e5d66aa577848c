/** What `capture` and `watch` capture on: a port as it is, or a monitor port of their own that gets copies of others. */
import type { LiveOptions } from "../capture/source/live.ts";
import { tcpdumpArgv } from "../capture/source/tcpdump.ts";
import { pasteLine } from "../core/announce.ts";
import { Cleanup } from "../core/cleanup.ts";
import { messageOf, TapscopeError, UsageError } from "../core/errors.ts";
import { HOST, type Place } from "../core/place.ts";
import { findDevice, requireDevice } from "../mirror/devices.ts";
import { type Direction, type MirrorInfo, mirrorsOf } from "../mirror/mirror-info.ts";
import { MONITOR_NAME, makeMonitor } from "../mirror/monitor.ts";
import { freeNames } from "../mirror/names.ts";
import type { Session } from "../mirror/session.ts";
import { findPort, type SwitchState, takenNames } from "../mirror/state.ts";
import { resolvePort, resolvePorts } from "./machines.ts";

/** At most one of the three. */
export interface TargetRequest {
  /** A port, or any network device. */
  readonly port?: string | undefined;
  /** Ports to mirror to a monitor port of our own. */
  readonly mirror?: readonly string[] | undefined;
  /** A bridge to mirror whole. */
  readonly bridge?: string | undefined;
  /** Of the frames that are mirrored; default both. */
  readonly direction?: Direction | undefined;
}

/** A device to capture on, and the mirror whose output it is. */
export interface CaptureTarget {
  readonly device: string;
  readonly place: Place;
  readonly mirror: MirrorInfo | null;
  /** The mirror and its output are ours, and go when the job ends. */
  readonly own: boolean;
}

/**
 * @param session null: there is no switch, and the request is for a device
 * @throws UsageError when it is not clear what is meant; TapscopeError when it cannot be captured on.
 */
export async function openTarget(
  session: Session | null,
  request: TargetRequest,
  cleanup: Cleanup,
): Promise<CaptureTarget> {
  const given = [request.port, request.mirror, request.bridge].filter((part) => part !== undefined);
  if (given.length > 1) throw new UsageError("give a port, --mirror or --bridge: only one of them");
  if (!session) {
    const device = await requireDevice(HOST, request.port!, null);
    return { device: request.port!, place: device.place, mirror: null, own: false };
  }
  if (request.mirror !== undefined || request.bridge !== undefined) {
    const monitor = await makeMonitor(session, {
      sources: await resolvePorts(session, request.mirror ?? []),
      direction: request.direction,
      ...(request.bridge === undefined ? {} : { all: true, bridge: request.bridge }),
    });
    cleanup.use("remove the mirror", monitor);
    return { device: monitor.port, place: monitor.device.place, mirror: monitor.mirror, own: true };
  }
  if (request.port !== undefined) return await portTarget(session, await resolvePort(session, request.port));
  const state = await session.state();
  const outputs = mirrorsOf(state).filter(({ output }) => output !== null);
  if (outputs.length === 1) return await outputTarget(session, state, outputs[0]!);
  if (outputs.length === 0) {
    throw new UsageError("nothing to capture on: no port is given, and there is no mirror", {
      hint: "name a port, or let tapscope mirror one: --mirror <tap>",
    });
  }
  const list = outputs.map(({ name, output }) => `${output} (mirror ${name})`).join(", ");
  throw new UsageError(`which mirror is meant: ${list}?`, { hint: "name its output port" });
}

/** Says what would be run, ready to paste, to capture on a target (`--dry-run`). */
export async function sayCommands(
  session: Session | null,
  request: TargetRequest,
  options: Omit<LiveOptions, "device">,
  say: (line: string) => void,
): Promise<void> {
  let device: string;
  let place = session?.place ?? HOST;
  if (session && (request.mirror !== undefined || request.bridge !== undefined)) {
    device = freeNames(MONITOR_NAME, 1, takenNames(await session.state()))[0]!;
    await openTarget(session, request, new Cleanup()).catch((error: unknown) => {
      if (!(error instanceof TapscopeError) || error.code !== "E_DRY_RUN") throw error;
    });
  } else {
    ({ device, place } = await openTarget(session, request, new Cleanup()));
  }
  say(pasteLine(tcpdumpArgv({ ...options, device }), place));
}

/** Whether the switch has a port of that name; false when there is no switch. */
export async function isPort(session: Session, name: string): Promise<boolean> {
  try {
    return findPort(await session.state(), name) !== undefined;
  } catch (error) {
    if (isUnreachable(error)) return false;
    throw error;
  }
}

function isUnreachable(error: unknown): boolean {
  return error instanceof TapscopeError && error.code === "E_OVSDB_UNREACHABLE";
}

async function portTarget(session: Session, name: string): Promise<CaptureTarget> {
  let state: SwitchState;
  try {
    state = await session.state();
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    // A device can be captured on without any switch.
    const device = await findDevice(session.place, name, null);
    if (device) return { device: name, place: device.place, mirror: null, own: false };
    throw noSuchDevice(name, `there is no device of that name, and no Open vSwitch to ask (${messageOf(error)})`);
  }
  const mirror = mirrorsOf(state).find(({ output }) => output === name);
  if (mirror) return await outputTarget(session, state, mirror);
  const port = findPort(state, name);
  if (!port && !(await findDevice(session.place, name, null))) {
    const outputs = mirrorsOf(state).flatMap(({ output }) => output ?? []);
    throw noSuchDevice(
      name,
      "there is no port or device of that name",
      outputs.length > 0 ? `mirrors end at: ${outputs.join(", ")}` : "tapscope tap list shows the taps",
    );
  }
  const device = await requireDevice(session.place, name, macOf(state, name));
  return { device: name, place: device.place, mirror: null, own: false };
}

function noSuchDevice(name: string, why: string, hint = "ip link shows the devices there are"): TapscopeError {
  return new TapscopeError("E_NO_SUCH_DEVICE", `cannot capture on ${name}: ${why}`, { hint });
}

async function outputTarget(session: Session, state: SwitchState, mirror: MirrorInfo): Promise<CaptureTarget> {
  const device = await requireDevice(session.place, mirror.output!, macOf(state, mirror.output!));
  return { device: mirror.output!, place: device.place, mirror, own: false };
}

/** What OVSDB knows as the address of a port's only interface. */
function macOf(state: SwitchState, port: string): string | null {
  const interfaces = findPort(state, port)?.interfaces ?? [];
  return interfaces.length === 1 ? (interfaces[0]!.mac ?? null) : null;
}

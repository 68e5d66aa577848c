/**
 * What goes wrong with ports, bridges, mirrors and tunnels and can be seen from outside, with how to cure it. The conditions were all
 * seen by experiment; OVS itself reports most of them nowhere but in its log.
 */
import { pasteLine } from "../core/announce.ts";
import { describePlace } from "../core/place.ts";
import { bad, type Check, good } from "./check.ts";
import { type Device, findDevices, givenAddresses, readDevices } from "./devices.ts";
import { deleteMirrorLine, ipLine, joinLine, mirrorFix, removePortLine, vsctlLine } from "./fixes.ts";
import { joinedNetworks } from "./host.ts";
import { MAX_MIRRORS, mirrorInfo } from "./mirror-info.ts";
import { outputTrouble } from "./output-health.ts";
import { isOwned, ownerOf } from "./ownership.ts";
import { BPDU_BEFORE, type Session } from "./session.ts";
import { type BridgeRow, findBridge, hasDevice, type MirrorRow, type PortRow, type SwitchState } from "./state.ts";
import { tapscopeCommand } from "./target.ts";
import { checkTunnels } from "./tunnel-health.ts";

/** What is wrong with ports, bridges and mirrors, or one check that says that nothing is. */
export async function checkRows(session: Session, state: SwitchState): Promise<Check[]> {
  const local = session.target.remote.startsWith("unix:");
  const ports = [...state.ports.values()];
  const wanted = ports.flatMap(({ interfaces }) =>
    interfaces.filter(hasDevice).map(({ name, mac }) => ({ name, mac })),
  );
  const devices = local && wanted.length > 0 ? await findDevices(session.place, wanted) : undefined;
  const here = local ? await readDevices(session.place) : undefined;
  const findings = [
    ...ports.flatMap((port) => checkPort(session, state, port, devices, here)),
    ...state.bridges.flatMap((bridge) => checkBridge(session, bridge)),
    ...state.mirrors.flatMap((mirror) => checkMirror(session, state, mirror, devices ?? new Map())),
    ...checkOwners(session, state),
    ...(await checkForwarding(state, devices)),
    ...(local ? await checkTunnels(session, state) : []),
  ];
  if (findings.length > 0) return findings;
  return [
    good(
      "rows",
      `${state.bridges.length} bridges, ${ports.length} ports and ${state.mirrors.length} mirrors: nothing is wrong with them`,
    ),
  ];
}

function checkPort(
  session: Session,
  state: SwitchState,
  port: PortRow,
  devices: ReadonlyMap<string, Device> | undefined,
  here: ReadonlyMap<string, Device> | undefined,
): Check[] {
  return port.interfaces.flatMap((entry): Check[] => {
    const { name } = entry;
    const at = `port ${name} on ${port.bridge}`;
    const remove = removePortLine(session, state, port);
    if (Buffer.byteLength(name) > 15) {
      return [
        bad("port-name", `${at}: its name has more than 15 bytes, so its device is ${name.slice(0, 15)}`, remove),
      ];
    }
    if (entry.error !== null || entry.ofport === -1) {
      return [bad("port-error", `${at} does not work: ${entry.error ?? "OVS could not open it"}`, remove)];
    }
    if (!devices || !hasDevice(entry)) return [];
    const device = devices.get(name);
    if (device) return [];
    const other = here?.get(name);
    if (other) {
      return [
        bad(
          "port-replaced",
          `${at}: the device of that name in ${describePlace(session.place)} is not the one OVS opened (${entry.mac} there, ${other.mac} here)`,
          remove,
        ),
      ];
    }
    return [
      bad(
        "port-gone",
        `${at}: no network namespace seen from here has its device (deleted behind OVS, or with its namespace)`,
        remove,
      ),
    ];
  });
}

function checkBridge(session: Session, bridge: BridgeRow): Check[] {
  const checks: Check[] = [];
  if (bridge.mirrors.length > MAX_MIRRORS) {
    checks.push(
      bad(
        "mirror-count",
        `bridge ${bridge.name} has ${bridge.mirrors.length} mirrors; OVS applies ${MAX_MIRRORS} and ignores the others`,
        `# one mirror may have many sources: join some, ${tapscopeCommand(session.target, "mirror", "list")} shows them`,
      ),
    );
  }
  const names = bridge.mirrors.map(({ name }) => name);
  for (const name of new Set(names.filter((name, index) => names.indexOf(name) !== index))) {
    checks.push(
      bad(
        "mirror-name",
        `several mirrors on ${bridge.name} are called ${name}: ovs-vsctl cannot tell them apart`,
        bridge.mirrors
          .filter((mirror) => mirror.name === name)
          .slice(1)
          .map((mirror) => deleteMirrorLine(session, mirror))
          .join(" && "),
      ),
    );
  }
  if (bridge.ids.has(BPDU_BEFORE)) {
    checks.push(
      bad(
        "refresh",
        `bridge ${bridge.name}: a refresh was interrupted and left forward-bpdu changed`,
        tapscopeCommand(session.target, "clean"),
      ),
    );
  }
  return checks;
}

function checkMirror(
  session: Session,
  state: SwitchState,
  mirror: MirrorRow,
  devices: ReadonlyMap<string, Device>,
): Check[] {
  const at = `mirror ${mirror.name} on ${mirror.bridge}`;
  const info = mirrorInfo(state, mirror, undefined, devices);
  const output = mirror.outputPort === null ? undefined : state.ports.get(mirror.outputPort);
  const device = output && devices.get(output.interfaces[0]?.name ?? output.name);
  const trouble = device ? outputTrouble(device) : null;
  const checks: Check[] = [];
  if (trouble && info.why === trouble.why) {
    const stays = `${deleteMirrorLine(session, mirror)}   # or start what reads ${output!.name}`;
    checks.push(
      bad(
        trouble.code,
        `${at}: ${trouble.why}`,
        trouble.code === "output-down" ? ipLine(device!.place, `link set dev ${device!.name} up`) : stays,
      ),
    );
  } else if (info.health !== "ok" && info.health !== "waiting") {
    checks.push(bad(`mirror-${info.health}`, `${at}: ${info.why}`, mirrorFix(session, state, mirror, info)));
  }
  return [
    ...checks,
    ...checkOutputs(session, state, mirror, at),
    ...(output ? checkSharedOutput(session, state, mirror, output, at) : []),
    ...(device && !trouble ? checkOutputDevice(session, mirror, device, at) : []),
  ];
}

function checkOutputs(session: Session, state: SwitchState, mirror: MirrorRow, at: string): Check[] {
  const { outputPort, outputVlan } = mirror;
  if (outputVlan === null) return [];
  if (outputPort !== null) {
    return [
      bad(
        "mirror-outputs",
        `${at} has an output port and an output VLAN: OVS ignores the VLAN`,
        vsctlLine(session, ["clear", "mirror", mirror.uuid, "output_vlan"]),
      ),
    ];
  }
  if (findBridge(state, mirror.bridge)?.floodVlans.includes(outputVlan)) return [];
  return [
    bad(
      "mirror-flood",
      `${at}: OVS learns addresses from the copies in VLAN ${outputVlan}`,
      vsctlLine(session, ["add", "bridge", mirror.bridge, "flood_vlans", String(outputVlan)]),
    ),
  ];
}

function checkSharedOutput(
  session: Session,
  state: SwitchState,
  mirror: MirrorRow,
  output: PortRow,
  at: string,
): Check[] {
  const checks: Check[] = [];
  const feeding = state.mirrors.find(
    (other) => other !== mirror && (other.selectSrc.includes(output.uuid) || other.selectDst.includes(output.uuid)),
  );
  if (feeding) {
    const more = new Set([...feeding.selectSrc, ...feeding.selectDst]).size > 1 || feeding.selectAll;
    checks.push(
      bad(
        "mirror-chain",
        `${at}: its output ${output.name} is a source of mirror ${feeding.name}`,
        more
          ? tapscopeCommand(session.target, "mirror", "remove", feeding.uuid, output.name)
          : deleteMirrorLine(session, feeding),
      ),
    );
  }
  const shared = state.mirrors.find((other) => other !== mirror && other.outputPort === output.uuid);
  if (shared && shared.uuid > mirror.uuid) {
    checks.push(
      bad(
        "mirror-shared",
        `mirrors ${mirror.name} and ${shared.name} have one output, ${output.name}`,
        joinLine(session, state, shared, mirror),
      ),
    );
  }
  return checks;
}

function checkOutputDevice(session: Session, mirror: MirrorRow, device: Device, at: string): Check[] {
  const { name, place } = device;
  const addresses = givenAddresses(device);
  if (addresses.length > 0) {
    return [
      bad(
        "output-live",
        `${at}: its output ${name} has the address ${addresses.join(", ")}, and OVS drops all it sends`,
        deleteMirrorLine(session, mirror),
      ),
    ];
  }
  if (device.addresses.length === 0) return [];
  return [
    bad(
      "output-talks",
      `${at}: its output ${name} has IPv6 on and sends frames of its own`,
      ipLine(place, `link set dev ${name} addrgenmode none`, `-6 address flush dev ${name}`),
    ),
  ];
}

function checkOwners(session: Session, state: SwitchState): Check[] {
  const ports = [...state.ports.values()].filter((port) => isOwned(port) && ownerOf(port)?.alive === false);
  return ports.map(({ name, bridge, ids }) =>
    bad(
      "leftover",
      `port ${name} on ${bridge} was made for a process that has ended (${ids.get("tapscope-owner")})`,
      tapscopeCommand(session.target, "clean"),
    ),
  );
}

/** A host tap with an address, on a host that forwards packets, joins an experiment's VLAN with the host's other networks. */
async function checkForwarding(state: SwitchState, devices: ReadonlyMap<string, Device> | undefined): Promise<Check[]> {
  const checks: Check[] = [];
  for (const port of state.ports.values()) {
    const device = port.name === port.bridge ? undefined : devices?.get(port.interfaces[0]?.name ?? port.name);
    const joined = device && givenAddresses(device).length > 0 ? await joinedNetworks(device) : undefined;
    if (!device || !joined) continue;
    const what = port.tag === null ? "its VLANs" : `VLAN ${port.tag}`;
    checks.push(
      bad(
        "tap-forwards",
        `port ${port.name} on ${port.bridge} has the address ${joined.address}, and ${describePlace(device.place)} forwards packets: it joins ${what} with ${joined.others.join(", ")}`,
        `echo 0 | ${pasteLine(["tee", joined.sysctl], device.place)}   # or take the address away`,
      ),
    );
  }
  return checks;
}

/**
 * Every frame once: the sources of a mirror that copies a frame only where it enters the switch. A frame that is sent on inside the bridge
 * leaves by other ports, which are not looked at; so a flood, or two mirrored ends of a conversation, give one copy.
 */
import type { MirrorOptions } from "./mirror-options.ts";
import type { BridgeRow, PortRow } from "./state.ts";

/** The ports by which frames of the chosen VLANs can enter: access ports of those VLANs, and trunks that carry one of them. */
export function onceSources(
  bridge: BridgeRow,
  output: PortRow | null,
  { vlans, notVlans }: Pick<MirrorOptions, "vlans" | "notVlans">,
): PortRow[] {
  const chosen = (vlan: number) => (vlans?.length ? vlans.includes(vlan) : !notVlans?.includes(vlan));
  const outputs = new Set(bridge.mirrors.map(({ outputPort }) => outputPort));
  return bridge.ports.filter((port) => {
    if (port === output || outputs.has(port.uuid)) return false;
    if (port.tag !== null && port.vlanMode !== "native-tagged" && port.vlanMode !== "native-untagged")
      return chosen(port.tag);
    return port.trunks.length === 0 || port.trunks.some(chosen) || (port.tag !== null && chosen(port.tag));
  });
}

/** What `--once` cannot promise. */
export const NOT_COVERED: readonly string[] = [
  "not copied: frames that OpenFlow rules or a controller make inside the switch, for they enter by no port",
  "copied once on each switch: frames that come by a tunnel or a patch port from a bridge that is mirrored too",
  "copied again, as they enter again: frames that a router sends on (another VLAN, TTL and MAC address); watch, capture and zeek take --dedup",
  "ports made later are not sources: make the mirror anew, or let mirror ensure --watch keep it",
];

/** What a direction of a mirror means to a capture on the port itself. */
import type { Direction } from "./mirror-info.ts";

/**
 * tcpdump's `-Q` for a direction. "in" is into the switch: on a port whose other end is the host's own stack (internal, or a tap that
 * OVS itself holds) the host sends those frames, `-Q out`; on a veth or a VM's tap the host receives them, `-Q in`.
 * @param interfaceType the `type` column of the port's interface
 */
export function captureDirection(interfaceType: string, direction: Direction): "in" | "out" | "inout" {
  if (direction === "both") return "inout";
  const ownStack = interfaceType === "internal" || interfaceType === "tap";
  return (direction === "in") === ownStack ? "out" : "in";
}

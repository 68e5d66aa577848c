/** What the engine's decoders make of a frame, by the checked build: a read outside of the captured bytes throws. */
import { gettersOf } from "../../src/engine/host/view.ts";
import { PACKET } from "../../src/engine/layout/layouts.ts";
import { startOf } from "../../src/engine/layout/memory-map.ts";
import { Probe } from "./probe.ts";

const probe = new Probe();
const getters = gettersOf(probe.view, PACKET);
const PACKET_AT = startOf("PACKET");

type Numbers = { readonly [name in keyof typeof getters]: number };

/** A layer of a frame: the numbers of the packet view, and bytes at its addresses (until the next frame). */
export interface Layer extends Omit<Numbers, "vlans"> {
  readonly vlans: readonly number[];
  bytes(at: number, length: number): number[];
}

function layer(): Layer {
  const numbers = Object.fromEntries(
    Object.entries(getters).map(([name, getter]) => [name, getter(PACKET_AT)]),
  ) as Numbers;
  const tags = new Uint16Array(probe.view.memory.buffer, numbers.vlans, numbers.vlanCount);
  return { ...numbers, vlans: [...tags], bytes: (at, length) => [...probe.view.bytes.subarray(at, at + length)] };
}

/** The outermost layer of a frame. */
export function decode(bytes: Uint8Array, linktype = 1, wireLength = bytes.length): Layer {
  probe.call("probeFrame", probe.put(bytes), bytes.length, wireLength, linktype);
  return layer();
}

/** The layer the one before carries, null when it is no tunnel. */
export function decodeInner(): Layer | null {
  return probe.call("probeInner") === 0 ? null : layer();
}

/** Where the innermost layer ends up. */
export function innermost(bytes: Uint8Array): Layer {
  decode(bytes);
  while (probe.call("probeInner") !== 0);
  return layer();
}

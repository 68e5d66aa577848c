/** What is asked for when a mirror is to be made. */
import type { Direction } from "./mirror-info.ts";
import type { MirrorOptions } from "./mirror-options.ts";
import type { TunnelSpec } from "./tunnel.ts";

/** Where the copies go. `monitor` makes an internal port of that name for the mirror alone. */
export type MirrorOutput =
  | { readonly port: string }
  | { readonly monitor: string }
  | { readonly vlan: number }
  | { readonly remote: TunnelSpec };

export interface MirrorRequest extends MirrorOptions {
  /** Names of ports; empty with `all` and `once`. */
  readonly sources: readonly string[];
  /** The whole bridge. */
  readonly all?: boolean;
  /** Every frame once, where it enters the switch: the sources are chosen, by the VLANs if any are given. */
  readonly once?: boolean;
  /** Needed only when no port says it. */
  readonly bridge?: string | undefined;
  /** Default both. */
  readonly direction?: Direction | undefined;
  /** Of single sources, by their names, where they differ. */
  readonly directions?: ReadonlyMap<string, Direction> | undefined;
  /** Default `mirror-<output>`. */
  readonly name?: string | undefined;
  readonly output: MirrorOutput;
  /** Copies arrive without their VLAN tag. */
  readonly stripVlan?: boolean;
  /** Of the process the mirror lives as long as (`ownerId()`). */
  readonly owner?: string | undefined;
  /** The file that declares the mirror (`mirror ensure`). */
  readonly declaredIn?: string | undefined;
  /** Take an output that looks like a live endpoint. */
  readonly force?: boolean;
}

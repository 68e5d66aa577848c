/** What is known of the switch, the monitor and the captures besides their frames: what causes are looked for in. */

/** A mirror, as `tapscope mirror list` tells of it. */
export interface MirrorFact {
  readonly name: string;
  readonly bridge: string;
  readonly all: boolean;
  readonly sources: readonly { readonly port: string; readonly direction: "in" | "out" | "both" }[];
  readonly vlans: readonly number[];
  readonly snaplen: number | null;
  readonly filter: string | null;
  readonly output: string | null;
  readonly health: string;
  readonly why: string | null;
}

/** A port of the switch. */
export interface PortFact {
  readonly name: string;
  readonly bridge: string;
  /** VLAN of an access port; null for a trunk. */
  readonly tag: number | null;
}

export interface MonitorFact {
  readonly port: string;
  /** The bridge it is a port of; null when it is none's. */
  readonly bridge: string | null;
  readonly up: boolean;
  readonly carrier: boolean;
  /** Its bridge switches in userspace: what the switch passes on, it passes on as it is. */
  readonly userspace: boolean;
  /** Addresses somebody gave it. */
  readonly addresses: readonly string[];
  /** Addresses of machines the switch has learned behind it. */
  readonly learned: readonly string[];
  /** It is the tap of a virtual machine: one that monitors may well send frames of its own at times. */
  readonly machine: boolean;
}

export interface CaptureFact {
  readonly what: string;
  readonly dropped: number;
}

export interface MirrorCounts {
  readonly packets: number;
  readonly bytes: number;
}

/** How the traffic came to be. */
export type TrafficFact =
  | {
      readonly kind: "ping";
      readonly address: string;
      readonly complaint: string | null;
      readonly device: string | null;
    }
  | { readonly kind: "command"; readonly exitCode: number | null; readonly signal: string | null }
  | { readonly kind: "inject"; readonly sent: number }
  | { readonly kind: "passive" };

export interface Facts {
  /** Why ovs-vswitchd switches nothing now, and how to start it; null: it runs, or cannot be asked. */
  readonly vswitchd: { readonly problem: string; readonly fix: string } | null;
  readonly traffic: TrafficFact;
  readonly monitor: MonitorFact;
  /** All mirrors of the switch, as they were after the traffic; null when the switch could not be asked. */
  readonly mirrors: readonly MirrorFact[] | null;
  readonly ports: readonly PortFact[];
  readonly ovsVersion: string | null;
  /** Counts of the monitor's mirrors before and after; null where OVS has none. */
  readonly ovs: { readonly before: MirrorCounts | null; readonly after: MirrorCounts | null };
  /** The names of the ports whose frames were captured. */
  readonly sources: readonly string[];
  /** Of these, the taps of virtual machines. */
  readonly machines: readonly string[];
  /** Sources that could not be captured, and why. */
  readonly uncaptured: readonly { readonly port: string; readonly why: string }[];
  readonly captures: readonly CaptureFact[];
  /** Captures that could not be made, or ended before they were asked to. */
  readonly failures: readonly { readonly message: string; readonly hint: string | null }[];
}

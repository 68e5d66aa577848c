/** What is where in a lab: bridge mega_bridge, hosts a and b on VLAN 100, the monitor tap. The names are minimega's. */

export const LAB_BRIDGE = "mega_bridge";
export const LAB_VLAN = 100;
export const MONITOR_TAP = "mega_tap2";

export interface LabHost {
  readonly name: string;
  readonly tap: string;
  /** With prefix length. */
  readonly ip: string;
  readonly ip6: string;
}

export const LAB_HOSTS: readonly LabHost[] = [
  { name: "a", tap: "mega_tap0", ip: "10.0.0.1/24", ip6: "fd00::1/64" },
  { name: "b", tap: "mega_tap1", ip: "10.0.0.2/24", ip6: "fd00::2/64" },
];

/** The run directory of the lab's OVS, as the lab's own processes see it. */
export const LAB_RUN = "/run/openvswitch";
/** OVSDB's socket, as the lab's own processes see it. */
export const LAB_DB_SOCKET = `${LAB_RUN}/db.sock`;

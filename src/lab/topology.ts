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

/** A virtual machine of a lab that has VMs in place of hosts. */
export interface LabVm {
  readonly name: string;
  readonly tap: string;
  /** 0: a trunk. */
  readonly vlan: number;
  readonly mac: string;
  /** With prefix length; null: none. */
  readonly ip: string | null;
  readonly memoryMb: number;
  /** It has a disk at /bro, and this project. */
  readonly disk: boolean;
}

export const LAB_VMS: readonly LabVm[] = [
  ...LAB_HOSTS.map(({ name, tap, ip }, index) => ({
    ...{ name: name.toUpperCase(), tap, vlan: LAB_VLAN, mac: `52:54:00:00:00:0${index + 1}`, ip },
    ...{ memoryMb: 128, disk: false },
  })),
  {
    ...{ name: "monitor", tap: MONITOR_TAP, vlan: 0, mac: "52:54:00:00:00:0f", ip: null },
    ...{ memoryMb: 512, disk: true },
  },
];

export function isVm(name: string): boolean {
  return LAB_VMS.some((vm) => vm.name === name);
}

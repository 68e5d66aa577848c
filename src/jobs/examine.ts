/** What `doctor` looks at: the switch, its ports and mirrors (mirror/doctor.ts), and the virtual machines on it. */
import { bad, type Check } from "../mirror/check.ts";
import { examine } from "../mirror/doctor.ts";
import type { Session } from "../mirror/session.ts";
import { findBridge } from "../mirror/state.ts";
import { machinesOf } from "./machines.ts";

/** All checks. @throws nothing that a broken switch could cause: that is a check too */
export async function examineAll(session: Session): Promise<Check[]> {
  const checks = await examine(session);
  const reachable = checks.some(({ code, ok }) => code === "ovsdb" && ok);
  return reachable ? [...checks, ...(await checkMachines(session))] : checks;
}

/**
 * A machine whose virtio NIC offers checksum offload sends TCP and UDP with unfinished checksums; the kernel datapath finishes
 * them, a userspace datapath does not, and the receiver drops them: ping works, TCP does not. `verify` sees such frames themselves.
 */
async function checkMachines(session: Session): Promise<Check[]> {
  const state = await session.state();
  return (await machinesOf(session)).flatMap(({ name, nics }) =>
    nics.flatMap(({ tap, bridge, checksum_offload: offload }): Check[] => {
      if (!offload || bridge === null || findBridge(state, bridge)?.datapathType !== "netdev") return [];
      return [
        bad(
          "vm-checksums",
          `VM ${name}: its NIC on ${tap} offers checksum offload, and ${bridge} switches in userspace: its TCP and UDP packets are dropped by who receives them`,
          "# start its QEMU with -device virtio-net-pci,…,csum=off,guest_csum=off; or, inside the machine: ethtool -K eth0 tx off",
        ),
      ];
    }),
  );
}

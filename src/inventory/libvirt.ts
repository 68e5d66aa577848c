/** Asks libvirt for its running machines, by virsh(1) and read-only; none where it is not installed. */
import type { Place } from "../core/place.ts";
import { findProgram, run } from "../core/process.ts";
import type { Nic, Vm } from "./vm.ts";

const TIMEOUT_MS = 5000;

/** @param place where libvirt's daemon can be reached: the host */
export async function libvirtMachines(place: Place): Promise<Vm[]> {
  if (findProgram("virsh") === undefined) return [];
  const virsh = async (...words: string[]) =>
    (await run(["virsh", "--readonly", "--quiet", ...words], { place, timeoutMs: TIMEOUT_MS })).stdout;
  try {
    const names = (await virsh("list", "--name")).split("\n").filter((name) => name !== "");
    return await Promise.all(
      names.map(async (name): Promise<Vm> => {
        const [uuid, nics, disks] = [
          await virsh("domuuid", name),
          await virsh("domiflist", name),
          await virsh("domblklist", name),
        ];
        return {
          name,
          pid: null,
          uuid: uuid.trim() || null,
          from: "libvirt",
          nics: rows(nics).map(
            ([tap, , bridge, , mac], index): Nic => ({
              index,
              tap: known(tap),
              mac: known(mac),
              vlan: null,
              bridge: known(bridge),
            }),
          ),
          disks: rows(disks).flatMap(([, path]) => known(path) ?? []),
        };
      }),
    );
  } catch {
    return [];
  }
}

function rows(table: string): string[][] {
  return table
    .split("\n")
    .map((line) => line.trim().split(/ {2,}|\t+/))
    .filter(([first]) => first !== "");
}

function known(cell: string | undefined): string | null {
  return cell === undefined || cell === "-" || cell === "" ? null : cell;
}

/**
 * What QEMU's command line says of a virtual machine (qemu(1)): its name, its NICs and their host devices, its disks. Options are
 * `key=value` lists in which a comma is doubled, or JSON objects, as libvirt writes them.
 */

/** A NIC on the command line. Its host device is named, or handed over as an open descriptor, or chosen by QEMU. */
export interface QemuNic {
  readonly mac: string | null;
  readonly ifname: string | null;
  readonly descriptor: number | null;
  /** The machine may leave the checksums of what it sends to the host: a virtio NIC does, unless it is told not to (csum=off). */
  readonly checksumOffload: boolean;
}

export interface QemuMachine {
  readonly name: string | null;
  readonly uuid: string | null;
  /** NICs whose other end is a tap, in the machine's order. */
  readonly nics: readonly QemuNic[];
  readonly disks: readonly string[];
}

type Properties = ReadonlyMap<string, string>;

/** @param argv the arguments after the program's name */
export function parseQemuArguments(argv: readonly string[]): QemuMachine {
  let name: string | null = null;
  let uuid: string | null = null;
  const taps = new Map<string, Properties>();
  const devices: Properties[] = [];
  const nics: QemuNic[] = [];
  const disks: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const option = argv[at]!.replace(/^--?/, "");
    const value = argv[at + 1];
    if (value === undefined || !argv[at]!.startsWith("-")) continue;
    switch (option) {
      case "name":
        name = properties(value, "guest").get("guest") ?? null;
        break;
      case "uuid":
        uuid = value;
        break;
      case "netdev": {
        const netdev = properties(value, "type");
        if (netdev.get("type") === "tap") taps.set(netdev.get("id") ?? "", netdev);
        break;
      }
      case "nic": {
        const nic = properties(value, "type");
        if (nic.get("type") === "tap") nics.push(nicOf(nic, nic));
        break;
      }
      case "device": {
        const device = properties(value, "driver");
        if (device.has("netdev")) devices.push(device);
        break;
      }
      case "drive": {
        const file = properties(value, "file").get("file");
        if (file !== undefined) disks.push(file);
        break;
      }
      case "blockdev": {
        const file = properties(value, "driver").get("filename");
        if (file !== undefined) disks.push(file);
        break;
      }
      case "hda":
      case "hdb":
      case "hdc":
      case "hdd":
        disks.push(value);
        break;
      default:
        continue;
    }
    at++;
  }
  for (const device of devices) {
    const tap = taps.get(device.get("netdev")!);
    if (tap) nics.push(nicOf(device, tap));
  }
  return { name, uuid, nics, disks };
}

function nicOf(device: Properties, tap: Properties): QemuNic {
  const descriptor = /^\d+/.exec(tap.get("fd") ?? tap.get("fds") ?? "")?.[0];
  return {
    mac: device.get("mac")?.toLowerCase() ?? null,
    ifname: tap.get("ifname") ?? null,
    checksumOffload: offersChecksums(device, tap),
    descriptor: descriptor === undefined ? null : Number(descriptor),
  };
}

/** Only virtio hands checksums on unfinished, in the header before each frame that the tap then has. */
function offersChecksums(device: Properties, tap: Properties): boolean {
  const model = device.get("driver") ?? device.get("model") ?? "";
  return /^virtio/.test(model) && device.get("csum") !== "off" && tap.get("vnet_hdr") !== "off";
}

/** @param first the key of a first word that has none (`tap,id=n0`) */
function properties(text: string, first: string): Properties {
  const found = new Map<string, string>();
  if (text.startsWith("{")) {
    try {
      for (const [key, value] of Object.entries(JSON.parse(text) as Record<string, unknown>)) {
        if (typeof value === "string" || typeof value === "number") found.set(key, String(value));
      }
    } catch {
      // Not QEMU's: it would not have started.
    }
    return found;
  }
  for (const [index, word] of splitCommas(text).entries()) {
    const match = /^([^=]+)=(.*)$/s.exec(word);
    if (match) found.set(match[1]!, match[2]!);
    else if (index === 0) found.set(first, word);
  }
  return found;
}

function splitCommas(text: string): string[] {
  return text.match(/(?:[^,]|,,)+/g)?.map((word) => word.replaceAll(",,", ",")) ?? [];
}

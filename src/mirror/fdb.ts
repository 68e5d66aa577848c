/** A bridge's MAC learning table, as `ovs-appctl fdb/show` prints it (ovs-vswitchd(8)). */

export interface FdbEntry {
  /** Null for the bridge's own port (LOCAL). */
  readonly ofport: number | null;
  readonly vlan: number;
  readonly mac: string;
  /** Seconds since it was last seen; null for a static entry. */
  readonly age: number | null;
}

/** Lines that are no entries (the heading) are left out. */
export function parseFdb(text: string): FdbEntry[] {
  return text.split("\n").flatMap((line): FdbEntry[] => {
    const match = /^\s*(\d+|LOCAL)\s+(\d+)\s+([0-9a-f]{2}(?::[0-9a-f]{2}){5})\s+(\d+|static)/.exec(line);
    if (!match) return [];
    const [, port, vlan, mac, age] = match;
    return [
      {
        ofport: port === "LOCAL" ? null : Number(port),
        vlan: Number(vlan),
        mac: mac!,
        age: age === "static" ? null : Number(age),
      },
    ];
  });
}

/** Sets of VLANs, as Mirror.select_vlan holds them (IEEE 802.1Q: 12 bits; 0 selects frames without a tag). */

export const VLANS = 4096;

/** All VLANs but these. */
export function otherVlans(vlans: readonly number[]): number[] {
  const out = new Set(vlans);
  return Array.from({ length: VLANS }, (_, vlan) => vlan).filter((vlan) => !out.has(vlan));
}

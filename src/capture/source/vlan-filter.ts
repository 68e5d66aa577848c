/** A filter that matches frames with and without a VLAN tag: `vlan` moves all that follows it by a tag (pcap-filter(7)). */
export function captureFilter(filter: string): string {
  return `(${filter}) or (vlan and (${filter}))`;
}

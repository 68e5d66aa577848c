/**
 * What carries one packet in another. A tunnel over UDP is a file `engine/decode/tunnels/<name>.ts`, whose `decode(p)` notes what the
 * datagram carries, and a row here; it is asked when a port says so.
 */

export interface Tunnel {
  /** The file's name, and the constant's: `vxlan` is TUNNEL_VXLAN. */
  readonly name: string;
  /** Ports of UDP whose datagrams it may be. */
  readonly ports?: readonly number[];
  /** The source port may say so as well as the destination port. */
  readonly bothWays?: true;
  /** On other ports its content may still give it away: the file has `recognise(p)`. */
  readonly anyPort?: true;
}

export const TUNNELS = [
  { name: "ip" },
  { name: "gre" },
  { name: "erspan" },
  { name: "vxlan", ports: [4789, 8472] },
  { name: "geneve", ports: [6081] },
  { name: "gtpu", ports: [2152], bothWays: true },
  { name: "teredo", ports: [3544], bothWays: true, anyPort: true },
  { name: "ayiya", ports: [5072], bothWays: true },
  { name: "vxlan-gpe", ports: [4790] },
] as const satisfies readonly Tunnel[];

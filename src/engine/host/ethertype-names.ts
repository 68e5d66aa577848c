/** Names of the EtherTypes that are met in networks (IEEE 802 numbers), for what is no IP packet. */

// Numbers of engine/packet.ts: what is no EtherType.
const ETHERTYPE_NONE = 0;
const ETHERTYPE_LLC = 1;
const ETHERTYPE_STP = 2;

const NAMES: Record<number, string> = {
  [ETHERTYPE_NONE]: "unknown",
  [ETHERTYPE_LLC]: "llc",
  [ETHERTYPE_STP]: "stp",
  2048: "ipv4",
  2054: "arp",
  2114: "wol",
  8192: "cdp",
  24579: "decnet",
  25944: "teb",
  32821: "rarp",
  32923: "appletalk",
  33011: "aarp",
  33024: "vlan",
  33079: "ipx",
  34525: "ipv6",
  34824: "pause",
  34825: "slow",
  34887: "mpls",
  34888: "mpls-multicast",
  34915: "pppoe-discovery",
  34916: "pppoe",
  34958: "eapol",
  34962: "profinet",
  34978: "aoe",
  34980: "ethercat",
  34984: "qinq",
  35006: "goose",
  35020: "lldp",
  35032: "goose-sv",
  35041: "homeplug-av",
  35045: "macsec",
  35063: "ptp",
  35074: "cfm",
  35078: "fcoe",
  36864: "loopback",
};

/** `arp`, `lldp`, …; `0x88b5` for one without a name. */
export function etherTypeName(type: number): string {
  return NAMES[type] ?? `0x${type.toString(16).padStart(4, "0")}`;
}

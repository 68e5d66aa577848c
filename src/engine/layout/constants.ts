/** Writes the modules of the tables that are only numbers: lists of ports, ICMP's pairs, names. */
import { counterparts, ICMP_PAIRS, ICMPV6_PAIRS, ONE_WAY } from "../tables/icmp-pairs.ts";
import { DNS_PORTS, TCP_SERVER_PORTS, UDP_SERVER_PORTS } from "../tables/server-ports.ts";

const HEAD = "// Made by the build from src/engine/tables: edit those.\n";

export function constantModules(): Record<string, string> {
  return {
    "icmp-pairs.ts": [
      HEAD,
      `export const ONE_WAY: i32 = ${ONE_WAY};\n`,
      numbers("ICMP_COUNTERPART", "i16", counterparts(ICMP_PAIRS)),
      numbers("ICMPV6_COUNTERPART", "i16", counterparts(ICMPV6_PAIRS)),
    ].join(""),
    "server-ports.ts": [
      HEAD,
      ports("TCP_SERVER_PORTS", TCP_SERVER_PORTS),
      ports("UDP_SERVER_PORTS", UDP_SERVER_PORTS),
      ports("DNS_PORTS", DNS_PORTS),
    ].join(""),
  };
}

/** The address of a table in the engine's memory. */
function numbers(name: string, type: "u8" | "i16" | "u16", values: readonly number[]): string {
  return `export const ${name}: usize = memory.data<${type}>([${values.join(", ")}]);\n`;
}

/** A list of ports, and how many there are. */
function ports(name: string, list: readonly number[]): string {
  return `${numbers(name, "u16", list)}export const ${name}_COUNT: i32 = ${list.length};\n`;
}

/** tunnel.log: connections that carry others, when that is first seen, and when those over UDP end. */
import { CONNECTION_FIELDS, type LogRow, logSchema } from "./log/schema.ts";

export const tunnelLog = logSchema("tunnel", { ...CONNECTION_FIELDS, tunnel_type: "enum", action: "enum" });

/** Zeek's names of tunnels, where they are not the name in capitals. */
const TYPES: Readonly<Record<string, string>> = { gtpu: "GTPv1", erspan: "GRE", "vxlan-gpe": "VXLAN" };

/** `Tunnel::VXLAN`, … of a tunnel's name in the engine's table. */
export function tunnelType(name: string): string {
  return `Tunnel::${TYPES[name] ?? name.toUpperCase()}`;
}

export function tunnelRow(ts: bigint, ends: LogRow, name: string, action: "DISCOVER" | "CLOSE"): LogRow {
  return { ...ends, ts, tunnel_type: tunnelType(name), action: `Tunnel::${action}` };
}

/** Tunnel ports: for joining bridges, and as the output of a mirror to another machine (ovs-vswitchd.conf.db(5), "Tunnel Options"). */
import { isIP } from "node:net";
import { UsageError } from "../core/errors.ts";
import { sanitize } from "../core/text.ts";
import type { NewPort } from "./new-port.ts";

export type TunnelType = "vxlan" | "gre" | "geneve" | "erspan";

export interface TunnelSpec {
  readonly type: TunnelType;
  readonly remoteIp: string;
  /** VNI of vxlan and geneve (24 bits), key of gre (32 bits), session of erspan (10 bits). */
  readonly key?: number | undefined;
}

/** Bytes that the encapsulation adds before the inner Ethernet frame over IPv4, without the outer Ethernet header. */
export const OVERHEAD: Record<TunnelType, number> = { vxlan: 36, geneve: 36, gre: 24, erspan: 36 };

const KEY_MAX: Record<TunnelType, number> = { vxlan: 0xffffff, geneve: 0xffffff, gre: 0xffffffff, erspan: 0x3ff };

/** @throws UsageError when the address or the key cannot be one. */
export function checkTunnel(type: string, remoteIp: string, key: string | undefined): TunnelSpec {
  if (!Object.hasOwn(OVERHEAD, type)) {
    throw new UsageError(`not a tunnel: '${sanitize(type)}'`, { hint: `one of ${Object.keys(OVERHEAD).join(", ")}` });
  }
  const known = type as TunnelType;
  if (isIP(remoteIp) === 0) throw new UsageError(`not an IP address: '${sanitize(remoteIp)}'`);
  if (key === undefined) {
    if (known === "erspan") throw new UsageError("erspan needs a session number", { hint: `erspan:${remoteIp}:1` });
    return { type: known, remoteIp };
  }
  const value = /^\d{1,10}$/.test(key) ? Number(key) : Number.NaN;
  if (!(value <= KEY_MAX[known])) {
    throw new UsageError(`the key of a ${type} tunnel is a number from 0 to ${KEY_MAX[known]}, not '${sanitize(key)}'`);
  }
  return { type: known, remoteIp, key: value };
}

/** Reads `<type>:<ip>[:key]`; an IPv6 address in brackets. @throws UsageError */
export function parseRemote(text: string): TunnelSpec {
  const match = /^([a-z]+):(?:\[([^\]]+)\]|([^:]+))(?::(.+))?$/.exec(text);
  if (!match) {
    throw new UsageError(`not a remote mirror's output: '${sanitize(text)}'`, {
      hint: "<gre|erspan|vxlan|geneve>:<ip>[:key], an IPv6 address in brackets",
    });
  }
  return checkTunnel(match[1]!, match[2] ?? match[3]!, match[4]);
}

/** The port of a tunnel. ERSPAN is version 1 (type II on the wire). */
export function tunnelPort(spec: TunnelSpec, bridge: string, name: string, owner?: string): NewPort {
  const options: Record<string, string> = { remote_ip: spec.remoteIp };
  if (spec.key !== undefined) options.key = String(spec.key);
  if (spec.type === "erspan") {
    options.erspan_ver = "1";
    options.erspan_idx = "0";
  }
  return { bridge, name, type: spec.type, options, role: "tunnel", owner };
}

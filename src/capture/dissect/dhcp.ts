/** DHCP (RFC 2131, 2132). */
import { type Dissection, type Dissector, type Header, num } from "./dissection.ts";

const MESSAGES: Readonly<Record<number, string>> = {
  1: "discover",
  2: "offer",
  3: "request",
  4: "decline",
  5: "ack",
  6: "nak",
  7: "release",
  8: "inform",
};

export const DHCP: Header = {
  protocol: "DHCP",
  title: "Dynamic Host Configuration Protocol",
  length: 236,
  fields: [
    num("dhcp.type", "Message type", 0, 1, { 1: "request", 2: "reply" }),
    num("dhcp.hops", "Hops", 3, 1),
    num("dhcp.id", "Transaction id", 4, 4, "hex"),
    num("dhcp.secs", "Seconds elapsed", 8, 2),
    num("dhcp.ip.client", "Client address", 12, 4, "ipv4"),
    num("dhcp.ip.your", "Your address", 16, 4, "ipv4"),
    num("dhcp.ip.server", "Next server", 20, 4, "ipv4"),
    num("dhcp.ip.relay", "Relay", 24, 4, "ipv4"),
    num("dhcp.hw.mac_addr", "Client MAC", 28, 6, "mac"),
  ],
  more: [
    ["dhcp.option.dhcp", "DHCP message"],
    ["dhcp.option.hostname", "Host name"],
    ["dhcp.option.requested_ip_address", "Requested address"],
    ["dhcp.option.dhcp_server_id", "Server"],
    ["dhcp.option.ip_address_lease_time", "Lease time"],
    ["dhcp.option.subnet_mask", "Subnet mask"],
    ["dhcp.option.router", "Router"],
    ["dhcp.option.domain_name_server", "Name server"],
  ],
};

const ADDRESSES: Readonly<Record<number, readonly [string, string]>> = {
  1: ["dhcp.option.subnet_mask", "Subnet mask"],
  3: ["dhcp.option.router", "Router"],
  6: ["dhcp.option.domain_name_server", "Name server"],
  50: ["dhcp.option.requested_ip_address", "Requested address"],
  54: ["dhcp.option.dhcp_server_id", "Server"],
};

export const dissectDhcp: Dissector = (d, at) => {
  d.header(DHCP, at);
  if (!d.has(at, 240) || d.u32(at + 236) !== 0x63825363) return null;
  d.info = `${d.mac(at + 28)}`;
  options(d, at + 240);
  d.lengthen(d.end - at);
  if (d.u32(at + 16) !== 0) d.info += ` ${d.ipv4(at + 16)}`;
  d.summarize(d.info);
  return null;
};

function options(d: Dissection, from: number): void {
  let at = from;
  while (d.has(at, 2)) {
    const code = d.u8(at);
    if (code === 255) return;
    if (code === 0) {
      at++;
      continue;
    }
    const length = d.u8(at + 1);
    if (!d.has(at, length + 2)) return;
    const address = ADDRESSES[code];
    if (code === 53 && length === 1) {
      const type = d.u8(at + 2);
      d.field("dhcp.option.dhcp", "DHCP message", at, 3, `${type} (${MESSAGES[type] ?? "unknown"})`);
      d.info = `${MESSAGES[type] ?? `message ${type}`} ${d.info}`;
    } else if (address && length >= 4) d.field(address[0], address[1], at, length + 2, d.ipv4(at + 2));
    else if (code === 12) d.field("dhcp.option.hostname", "Host name", at, length + 2, d.text(at + 2, length));
    else if (code === 51 && length === 4) {
      d.field("dhcp.option.ip_address_lease_time", "Lease time", at, 6, String(d.u32(at + 2)));
    } else d.field("", `Option ${code}`, at, length + 2, d.bytes(at + 2, length));
    at += 2 + length;
  }
}

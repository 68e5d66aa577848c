/** IANA protocol numbers and TCP control bits, for frames built by hand. */
import { protocolNumber } from "../../src/engine/host/protocols.ts";

export const TCP = protocolNumber("tcp");
export const UDP = protocolNumber("udp");
export const GRE = protocolNumber("gre");
export const IPIP = protocolNumber("ipip");
export const IPV6 = protocolNumber("ipv6");

export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const ACK = 0x10;

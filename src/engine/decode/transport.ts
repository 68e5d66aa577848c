/** What follows the IP header, by protocol number. */

import { Packet } from "../generated/layouts";
import { DCCP, GRE, ICMP, ICMPV6, IPIP, IPV6, SCTP, TCP, UDP, UDPLITE } from "../generated/protocols";
import { TUNNEL_IP } from "../generated/tunnels";
import { carries, NEXT_IP } from "../packet";
import { decodeDccp } from "./dccp";
import { decodeGre } from "./gre";
import { decodeIcmp } from "./icmp";
import { ipAt } from "./ip-at";
import { decodeSctp } from "./sctp";
import { decodeTcp } from "./tcp";
import { decodeUdp } from "./udp";

/** Decodes the transport header at `at`; `p.end` and `p.wireEnd` bound the IP packet. */
export function decodeTransport(p: Packet, at: i32): void {
  p.l4 = at;
  p.l4Length = p.wireEnd - at;
  switch (p.protocol) {
    case TCP:
      decodeTcp(p, at);
      return;
    case UDP:
    case UDPLITE:
      decodeUdp(p, at);
      return;
    case ICMP:
    case ICMPV6:
      decodeIcmp(p, at);
      return;
    case SCTP:
      decodeSctp(p, at);
      return;
    case DCCP:
      decodeDccp(p, at);
      return;
    case GRE:
      portless(p, at);
      decodeGre(p, at);
      return;
    case IPIP:
    case IPV6:
      portless(p, at);
      if (ipAt(at, p.end, p.wireEnd) !== 0) carries(p, NEXT_IP, TUNNEL_IP, -1, at);
      return;
    default:
      // IGMP, ESP, AH under IPv4, OSPF and all others have no ports.
      portless(p, at);
  }
}

/** A protocol without ports: the flow is known, how much of it is payload is not. */
function portless(p: Packet, at: i32): void {
  p.transport = true;
  p.payload = at;
  p.payloadCaptured = p.end > at ? p.end - at : 0;
}

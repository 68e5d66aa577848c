/** What follows the IP header, by protocol number. */
import { decodeDccp } from "./dccp.ts";
import { decodeGre } from "./gre.ts";
import { decodeIcmp } from "./icmp.ts";
import { ipAt } from "./ip-at.ts";
import {
  DCCP,
  GRE,
  ICMP,
  ICMPV6,
  IPIP,
  IPV6,
  NEXT_IP,
  type Packet,
  SCTP,
  TCP,
  TUNNEL_IP,
  UDP,
  UDPLITE,
} from "./packet.ts";
import { decodeSctp } from "./sctp.ts";
import { decodeTcp } from "./tcp.ts";
import { decodeUdp } from "./udp.ts";

/** Decodes the transport header at `offset`; `p.end` and `p.wireEnd` bound the IP packet. */
export function decodeTransport(p: Packet, offset: number): void {
  p.l4 = offset;
  p.l4Length = p.wireEnd - offset;
  switch (p.ipProto) {
    case TCP:
      decodeTcp(p, offset);
      return;
    case UDP:
    case UDPLITE:
      decodeUdp(p, offset);
      return;
    case ICMP:
    case ICMPV6:
      decodeIcmp(p, offset);
      return;
    case SCTP:
      decodeSctp(p, offset);
      return;
    case DCCP:
      decodeDccp(p, offset);
      return;
    case GRE:
      portless(p, offset);
      decodeGre(p, offset);
      return;
    case IPIP:
    case IPV6:
      portless(p, offset);
      if (ipAt(p.data, offset, p.end, p.wireEnd) !== 0) p.carries(NEXT_IP, TUNNEL_IP, -1, offset);
      return;
    default:
      // IGMP, ESP, AH under IPv4, OSPF and all others have no ports.
      portless(p, offset);
  }
}

/** A protocol without ports: the flow is known, how much of it is payload is not. */
function portless(p: Packet, offset: number): void {
  p.transport = true;
  p.payload = offset;
  p.payloadCaptured = p.end > offset ? p.end - offset : 0;
}

/** From a frame to its outermost IP packet, and from there inwards through tunnels. */
import type { Frame } from "../frame.ts";
import { decodeEthernet, decodeLlc } from "./ethernet.ts";
import { decodeEtherType } from "./ethertype.ts";
import { decodeIp } from "./ip.ts";
import { decodeLink } from "./link.ts";
import {
  LAYER_LINK,
  MALFORMED,
  MAX_DEPTH,
  MAX_HEADERS,
  MAX_WIRE,
  NEXT_ETHERNET,
  NEXT_ETHERTYPE,
  NEXT_IP,
  NEXT_LINK,
  NEXT_LLC,
  NEXT_NONE,
  NEXT_PPP,
  OK,
  type Packet,
  TUNNEL_NONE,
} from "./packet.ts";
import { decodePpp } from "./ppp.ts";

/** Fills `p` with the outermost layers of `frame`. `p` refers to the frame's bytes: it is valid as long as they are. */
export function decodeFrame(p: Packet, frame: Frame): void {
  p.sec = frame.sec;
  p.nsec = frame.nsec;
  p.hasTime = frame.hasTime;
  // A capture may claim less on the wire than it holds: what it holds is believed.
  const wire = Math.min(frame.origLen, MAX_WIRE);
  const length = (wire < frame.caplen ? frame.caplen : wire) - frame.fcsLength;
  p.frameLength = wire;
  p.captured = frame.caplen;
  p.interfaceId = frame.interfaceId;
  p.error = OK;
  p.depth = 0;
  p.tunnel = TUNNEL_NONE;
  p.tunnelId = -1;
  p.l2Src = -1;
  p.l2Dst = -1;
  p.resetLayer();
  const { offset } = frame;
  // Storing a reference costs more than looking at it.
  if (p.data !== frame.data) p.data = frame.data;
  p.wireEnd = length > 0 ? offset + length : offset;
  p.end = offset + frame.caplen;
  if (p.end > p.wireEnd) p.end = p.wireEnd;
  if (frame.linktype === 1) decodeEthernet(p, offset);
  else decodeLink(p, frame.linktype, offset);
  if (p.next !== NEXT_NONE) decodeRest(p);
}

/**
 * Moves `p` to the packet that its layer carries.
 * @returns false, and leaves `p` alone, when this layer is no tunnel or lies `MAX_DEPTH` deep.
 */
export function decodeInner(p: Packet): boolean {
  const kind = p.innerKind;
  if (kind === NEXT_NONE || p.depth + 1 >= MAX_DEPTH) return false;
  p.resetLayer();
  p.depth++;
  p.error = OK;
  p.tunnel = p.innerTunnel;
  p.tunnelId = p.innerTunnelId;
  p.end = p.innerEnd;
  p.wireEnd = p.innerWireEnd;
  p.l2Src = -1;
  p.l2Dst = -1;
  p.goOn(kind, p.inner, p.innerType);
  decodeRest(p);
  return true;
}

/** Runs the decoders that one another leave work to. */
function decodeRest(p: Packet): void {
  for (let headers = 0; p.next !== NEXT_NONE; headers++) {
    const { next, nextOffset: offset } = p;
    p.next = NEXT_NONE;
    if (headers === MAX_HEADERS) {
      p.fail(MALFORMED, LAYER_LINK, offset);
      return;
    }
    if (next === NEXT_ETHERTYPE) decodeEtherType(p, p.nextType, offset);
    else if (next === NEXT_ETHERNET) decodeEthernet(p, offset);
    else if (next === NEXT_LLC) decodeLlc(p, offset);
    else if (next === NEXT_IP) decodeIp(p, offset);
    else if (next === NEXT_PPP) decodePpp(p, offset);
    else if (next === NEXT_LINK) decodeLink(p, p.nextType, offset);
  }
}

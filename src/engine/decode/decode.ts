/** From a frame to its outermost IP packet, and from there inwards through tunnels. */
import { openWindow } from "../check";
import { Packet } from "../generated/layouts";
import { TUNNEL_NONE } from "../generated/tunnels";
import {
  ERROR_MALFORMED,
  ERROR_NONE,
  fail,
  LAYER_LINK,
  leaveTo,
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
  resetLayer,
} from "../packet";
import { decodeEthernet, decodeLlc } from "./ethernet";
import { decodeEtherType } from "./ethertype";
import { decodeIp } from "./ip";
import { decodeLink } from "./link";
import { decodePpp } from "./ppp";

const ETHERNET: i32 = 1;

/**
 * Fills `p` with the outermost layers of the frame whose captured bytes begin at `at`; its time is set before. `fcsLength`: bytes of
 * frame check sequence at its end on the wire.
 */
export function decodeFrame(p: Packet, at: i32, captured: i32, wireLength: u32, linktype: i32, fcsLength: i32): void {
  // A capture may claim less on the wire than it holds: what it holds is believed.
  const wire = min<u32>(wireLength, MAX_WIRE);
  const length = max<i32>(<i32>wire, captured) - fcsLength;
  p.frameLength = wire;
  p.captured = captured;
  p.error = ERROR_NONE;
  p.depth = 0;
  p.tunnel = TUNNEL_NONE;
  p.tunnelId = -1;
  p.l2Src = 0;
  p.l2Dst = 0;
  p.next = NEXT_NONE;
  resetLayer(p);
  p.wireEnd = max(at + length, at);
  p.end = min(at + captured, p.wireEnd);
  openWindow(at, p.end);
  if (linktype === ETHERNET) decodeEthernet(p, at);
  else decodeLink(p, linktype, at);
  if (p.next !== NEXT_NONE) decodeRest(p);
}

/**
 * Moves `p` to the packet that its layer carries.
 * @returns false, and leaves `p` alone, when this layer is no tunnel or lies `MAX_DEPTH` deep.
 */
export function decodeInner(p: Packet): bool {
  const kind = p.innerKind;
  if (kind === NEXT_NONE || p.depth + 1 >= MAX_DEPTH) return false;
  resetLayer(p);
  p.depth++;
  p.error = ERROR_NONE;
  p.tunnel = p.innerTunnel;
  p.tunnelId = p.innerTunnelId;
  p.end = p.innerEnd;
  p.wireEnd = p.innerWireEnd;
  p.l2Src = 0;
  p.l2Dst = 0;
  leaveTo(p, kind, p.inner, p.innerType);
  decodeRest(p);
  return true;
}

/** Runs the decoders that one another leave work to. */
function decodeRest(p: Packet): void {
  for (let headers = 0; p.next !== NEXT_NONE; headers++) {
    const at = p.nextAt;
    const next = p.next;
    p.next = NEXT_NONE;
    if (headers === MAX_HEADERS) {
      fail(p, ERROR_MALFORMED, LAYER_LINK, at);
      return;
    }
    if (next === NEXT_ETHERTYPE) decodeEtherType(p, p.nextType, at);
    else if (next === NEXT_ETHERNET) decodeEthernet(p, at);
    else if (next === NEXT_LLC) decodeLlc(p, at);
    else if (next === NEXT_IP) decodeIp(p, at);
    else if (next === NEXT_PPP) decodePpp(p, at);
    else if (next === NEXT_LINK) decodeLink(p, p.nextType, at);
  }
}

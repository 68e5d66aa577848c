/** QUIC: a long header (RFC 8999 §5.1) of a version that is in use, or Google's QUIC with a version. */
import { u8At, u32At } from "../bytes";
import { Row } from "../generated/layouts";
import { AGAIN, DONE } from "./follow";
import { NAME_FOUND, NOTHING_FOUND, quicDatagram } from "./host";
import { KEPT_BY_HOST, STARTED_TLS } from "./label-bits";
import { at, captured, end, fromOriginator } from "./payload";

const V1: u32 = 1;
const V2: u32 = 0x6b3343cf;
/** Version 2 as its drafts had it. */
const V2_DRAFT: u32 = 0x709a50c4;
/** `ff0000nn`: the drafts, of which there were 34. */
const FIRST_DRAFT: u32 = 0xff000001;
const LAST_DRAFT: u32 = 0xff000022;
/** The upper three bytes of Facebook's mvfst. */
const MVFST: u32 = 0xfaceb0;
/** `Q04x`, `Q05x` and `T05x` without their last digit: their connection ids are laid out differently. */
const Q04: u32 = 0x513034;
const Q05: u32 = 0x513035;
const T05: u32 = 0x543035;

export function overUdp(): bool {
  if (captured() < 16) return false;
  // Google's public header: version flag and connection id, then `Q0xx`.
  if ((u8At(at) & 0x80) === 0) return (u8At(at) & 0x09) === 0x09 && u8At(at + 9) === 0x51 && u8At(at + 10) === 0x30;
  const version = u32At(at + 1);
  const high = version >> 8;
  if (high === Q04 || high === Q05 || high === T05) return true;
  const idLength = u8At(at + 5);
  if (idLength > 20) return false;
  if (version === V1 || version === V2 || version === V2_DRAFT || high === MVFST) return true;
  if (version >= FIRST_DRAFT && version <= LAST_DRAFT) return true;
  // Reserved for exercising version negotiation (RFC 9000 §15), and the negotiation itself.
  return (version & 0x0f0f0f0f) === 0x0a0a0a0a || (version === 0 && idLength >= 4);
}

/** The server name is in what a client sends first, encrypted with keys that anyone can derive: the host's part (service/quic.ts). */
export function follow(row: Row): i32 {
  if (!fromOriginator()) return AGAIN;
  row.labelBits |= KEPT_BY_HOST;
  const found = quicDatagram(row, at, end - at);
  // Zeek names the TLS within, too, once it has been read.
  if (found !== NOTHING_FOUND) row.labelBits |= STARTED_TLS;
  return found === NAME_FOUND ? DONE : AGAIN;
}

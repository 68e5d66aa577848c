/**
 * The values of a connection's fields that are text or sets, by the fields' names (tables/fields.ts): each writes itself, or, where it is
 * unset, writes nothing and returns false.
 */
import { get16, get32 } from "../bytes";
import { Row } from "../generated/layouts";
import { EXTRA_PARENTS, EXTRA_VLANS, extraContent, extraLength, firstExtra, nextExtra } from "../table/extras";
import { copyHistory } from "../table/history";
import { isV6, META_ONE_WAY, protocolOf } from "../table/row";
import { writeCommunityId } from "./community-id";
import { closeSet, escaped, openSet, quote } from "./format";
import { base62, byte, integer, ipv4, ipv6, mac, to, writeAt } from "./text";

const COMMA: i32 = 0x2c;

export function uid(row: Row): bool {
  writeUid(row.uidHigh, row.uidLow);
  return true;
}

/** `C`, and the two numbers of the hash in base 62, six digits each. */
function writeUid(high: u32, low: u32): void {
  byte(0x43);
  base62(high);
  base62(low);
}

export function idOrigH(row: Row): bool {
  return writeAddress(row.origAddress, isV6(row));
}

export function idRespH(row: Row): bool {
  return writeAddress(row.respAddress, isV6(row));
}

function writeAddress(address: usize, v6: bool): bool {
  if (v6) ipv6(address);
  else ipv4(address);
  return true;
}

export function history(row: Row): bool {
  const length = copyHistory(row, to);
  writeAt(to + <usize>length);
  return length > 0;
}

/** Their uids' two numbers, eight bytes each. */
export function tunnelParents(row: Row): bool {
  let block = firstExtra(row, EXTRA_PARENTS);
  if (block === 0) return false;
  const start = to;
  openSet();
  for (let more = false; block !== 0; block = nextExtra(block)) {
    const end = extraContent(block) + <usize>extraLength(block);
    for (let parent = extraContent(block); parent < end; parent += 8) {
      if (more) byte(COMMA);
      more = true;
      quote();
      writeUid(get32(parent), get32(parent + 4));
      quote();
    }
  }
  closeSet(start);
  return true;
}

export function communityId(row: Row): bool {
  writeCommunityId(
    protocolOf(row),
    isV6(row),
    row.origAddress,
    row.origPort,
    row.respAddress,
    row.respPort,
    (row.meta & META_ONE_WAY) !== 0,
  );
  return true;
}

/** Two bytes each; only stacks of more than two are kept there. */
export function vlans(row: Row): bool {
  let block = firstExtra(row, EXTRA_VLANS);
  if (block === 0) return false;
  const start = to;
  openSet();
  for (let more = false; block !== 0; block = nextExtra(block)) {
    const end = extraContent(block) + <usize>extraLength(block);
    for (let id = extraContent(block); id < end; id += 2) {
      if (more) byte(COMMA);
      more = true;
      integer(get16(id));
    }
  }
  closeSet(start);
  return true;
}

export function origL2Addr(row: Row): bool {
  return writeMac(row.origMac);
}

export function respL2Addr(row: Row): bool {
  return writeMac(row.respMac);
}

function writeMac(address: usize): bool {
  if (get32(address) === 0 && get16(address + 4) === 0) return false;
  mac(address);
  return true;
}

export function serverName(row: Row): bool {
  if (row.name === 0) return false;
  escaped(<usize>row.name, row.nameLength);
  return true;
}

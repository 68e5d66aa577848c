/** IKE (RFC 7296 §3.1, RFC 2408 §3.1), and what shares UDP port 4500 with it (RFC 3948): ESP and keep-alives. */
import { u8At, u32At } from "../bytes";
import { at, captured, end, onPort } from "./payload";

export function overUdp(): bool {
  if (onPort(500)) return isIke(at);
  return onPort(4500) && (captured() === 1 || (captured() >= 4 && u32At(at) > 0) || isIke(at + 4));
}

function isIke(from: i32): bool {
  if (end - from < 28) return false;
  const version = u8At(from + 17);
  const exchange = u8At(from + 18);
  return version === 0x10 ? exchange <= 34 : version >= 0x20 && version < 0x30 && exchange >= 34 && exchange <= 40;
}

/** PostgreSQL's startup message of version 3.0, or a request for TLS, GSSAPI or a cancellation. */
import { u32At } from "../bytes";
import { at, captured, wire } from "./payload";

export function overTcp(): bool {
  if (captured() < 8 || u32At(at) !== <u32>wire) return false;
  const code = u32At(at + 4);
  return code === 0x00030000 || (code >= 80_877_102 && code <= 80_877_104);
}

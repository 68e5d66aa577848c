/** Microsoft SQL Server's TDS (MS-TDS §2.2.3.1): a packet of the segment's length; a prelogin wherever it is, others on the port. */
import { u8At, u16At } from "../bytes";
import { at, captured, onPort, wire } from "./payload";

const PRELOGIN: i32 = 18;

export function overTcp(): bool {
  if (captured() < 8 || u8At(at) > PRELOGIN || u8At(at + 1) > 1 || u16At(at + 2) !== wire) return false;
  return u16At(at + 4) === 0 && (u8At(at) === PRELOGIN || onPort(1433));
}

/** Modbus over TCP: on its port, a header whose protocol is 0 and whose length is the segment's. */
import { u16At } from "../bytes";
import { at, captured, onPort, wire } from "./payload";

export function overTcp(): bool {
  return onPort(502) && captured() >= 8 && u16At(at + 2) === 0 && u16At(at + 4) + 6 === wire;
}

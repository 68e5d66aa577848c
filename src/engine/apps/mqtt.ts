/** MQTT (OASIS MQTT 3.1.1 §3.1): CONNECT with the protocol's name. */
import { u8At } from "../bytes";
import { at, captured, end, startsWith } from "./payload";

export function overTcp(): bool {
  if (captured() < 4 || u8At(at) !== 0x10) return false;
  return startsWith(at + 2, end, "\0\x04MQTT") || startsWith(at + 2, end, "\0\x06MQIsdp");
}

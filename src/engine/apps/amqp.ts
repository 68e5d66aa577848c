/** AMQP: its protocol header (OASIS AMQP 1.0 §2.2, 0-9-1 §4.2.2). */
import { begins } from "./payload";

export function overTcp(): bool {
  return begins("AMQP");
}

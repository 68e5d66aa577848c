/** The engine's totals, for the host to read at any time. */
import { Counters } from "./generated/layouts";
import { COUNTERS } from "./generated/memory";

export const counters: Counters = changetype<Counters>(<usize>COUNTERS);

/**
 * The largest packet that passes to an address unfragmented: echo requests with the don't-fragment flag (ping(8), `-M do`), of several
 * sizes at a time, until the largest that is answered is known (as RFC 4821 searches, with packets of our own).
 */
import { isIP } from "node:net";
import type { Place } from "../../core/place.ts";
import { run } from "../../core/process.ts";
import { readDevices } from "../../mirror/devices.ts";
import type { LargestPacket } from "../../verify/judge/report.ts";

/** Sizes tried at once. */
const AT_ONCE = 8;
/** IP header and ICMP header. */
const HEADERS = { 4: 28, 6: 48 } as const;

export interface LargestRequest {
  readonly address: string;
  readonly place: Place;
  /** Where the route to the address leads out of. */
  readonly device: string;
  /** Ends the search early. */
  readonly stopped: () => boolean;
}

/** @returns null when not even a small packet is answered, or when the search was ended */
export async function findLargestPacket(request: LargestRequest): Promise<LargestPacket | null> {
  const { address, place, device, stopped } = request;
  const mtu = (await readDevices(place, device)).get(device)?.mtu ?? 1500;
  const headers = HEADERS[isIP(address.split("%")[0]!) === 6 ? 6 : 4];
  // `low` passes, `high` does not.
  let low = -1;
  let high = mtu - headers + 1;
  for (let sizes = [high - 1, 0]; sizes.length > 0; sizes = between(low, high)) {
    if (stopped()) return null;
    const passed = await Promise.all(sizes.map((size) => passes(address, place, size)));
    for (const [index, size] of sizes.entries()) {
      if (passed[index]) low = Math.max(low, size);
      else high = Math.min(high, size);
    }
    if (low === -1) return null;
    // A packet was lost for another reason, and a larger one passed.
    high = Math.max(high, low + 1);
  }
  return { payload_bytes: low, packet_bytes: low + headers, mtu };
}

/** Up to `AT_ONCE` sizes evenly between the two, neither of them included. */
function between(low: number, high: number): number[] {
  const gap = high - low;
  if (gap <= AT_ONCE + 1) return Array.from({ length: gap - 1 }, (_, index) => low + 1 + index);
  return Array.from({ length: AT_ONCE }, (_, index) => low + Math.round(((index + 1) * gap) / (AT_ONCE + 1)));
}

/** Whether one of two requests of that size is answered. */
async function passes(address: string, place: Place, size: number): Promise<boolean> {
  const argv = ["ping", "-n", "-q", "-c", "2", "-i", "0.3", "-W", "1", "-M", "do", "-s", String(size), "--", address];
  return (await run(argv, { place, okCodes: [0, 1, 2] })).exitCode === 0;
}

/** The packet path allocates nothing per packet: counted by the collections of a very small young generation. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ethernet, hex, ipv4, tcp, udp } from "../capture/frames.ts";
import { ACK, SYN, TCP, UDP } from "./protocol-numbers.ts";

const dist = join(import.meta.dirname, "../../dist/capture");
const FRAMES = 1_000_000;

/** Feeds the frames in turn to a meter, a million in all, and prints how many collections that took. */
const script = `
import { PerformanceObserver } from "node:perf_hooks";
import { openMeter } from ${JSON.stringify(join(dist, "meter.js"))};
import { Frame } from ${JSON.stringify(join(dist, "frame.js"))};
const kinds = JSON.parse(process.argv[1]).map((text) => Buffer.from(text, "hex"));
// One chunk, as readers hand it on.
const offsets = kinds.map((_, i) => kinds.slice(0, i).reduce((sum, bytes) => sum + bytes.length, 0));
const meter = openMeter();
const frame = new Frame();
frame.linktype = 1;
frame.data = Buffer.concat(kinds);
let n = 0;
function feed(count) {
  for (const end = n + count; n < end; n++) {
    const kind = n % kinds.length;
    frame.offset = offsets[kind];
    frame.caplen = frame.origLen = kinds[kind].length;
    frame.sec = 1000 + Math.floor(n / 100000);
    frame.nsec = (n % 100000) * 10000;
    meter.frame(frame);
  }
}
feed(300000);
await new Promise((resolve) => setTimeout(resolve, 50));
let collections = 0;
const observer = new PerformanceObserver((list) => (collections += list.getEntries().length));
observer.observe({ entryTypes: ["gc"] });
feed(${FRAMES});
await new Promise((resolve) => setTimeout(resolve, 50));
meter.flush();
console.log(JSON.stringify({ packets: meter.packets, collections }));
`;

it("allocates nothing per packet, whatever its protocol", (ctx) => {
  if (!existsSync(join(dist, "meter.js"))) ctx.skip("dist is not built");
  const payload = Buffer.alloc(100);
  const inner = ethernet(0x0800, ipv4(UDP, udp(7, 8, payload)));
  const kinds = [
    ethernet(0x0800, ipv4(TCP, tcp(1000, 2000, 0x90000000, 0, SYN, new Uint8Array()))),
    ethernet(0x0800, ipv4(TCP, tcp(1000, 2000, 0x90000001, 0x90000001, ACK, payload))),
    ethernet(0x0800, ipv4(UDP, udp(1000, 2000, payload))),
    ethernet(0x8100, Buffer.concat([hex("0064 0800"), ipv4(1, hex("0800000000010001 61626364"))])),
    ethernet(0x0800, ipv4(UDP, udp(9, 4789, Buffer.concat([hex("0800000000002a00"), inner])))),
    ethernet(0x0806, Buffer.alloc(28)),
  ].map((bytes) => Buffer.from(bytes).toString("hex"));
  const args = ["--max-semi-space-size=1", "--input-type=module", "-e", script, JSON.stringify(kinds)];
  const result = JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8", timeout: 50_000 }));
  expect(result.packets).toBe(FRAMES + 300_000);
  // The smallest object, 16 bytes for each packet, would be 16 MB: at least a dozen collections of a space of 1 MB.
  expect(result.collections).toBeLessThan(8);
});

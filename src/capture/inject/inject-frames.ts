/**
 * The program that injects: node inject-frames.js <device> <mac> <count> <marker> <interval in ms>. It is run in the
 * place that holds the device, says `sent <n>` when it is done or told to end, or `inject: <why>` on standard error.
 */
import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../core/errors.ts";
import { MARKED_FRAME_LENGTH, writeMarkedFrame } from "./marked-frame.ts";

interface CapHandle {
  open(device: string, filter: string, bufferSize: number, buffer: Buffer): string;
  send(buffer: Buffer, length: number): boolean;
  close(): void;
}

// cap writes into the buffer it was given and keeps no reference to it: this one lives as long as the program.
const received = Buffer.alloc(65_536);

async function inject(device: string, mac: string, count: number, marker: Buffer, intervalMs: number): Promise<number> {
  let Cap: new () => CapHandle;
  try {
    ({ Cap } = createRequire(import.meta.url)("cap") as { Cap: new () => CapHandle });
  } catch (error) {
    throw new Error(`the package cap cannot be loaded (${messageOf(error).split("\n")[0]})`);
  }
  const handle = new Cap();
  // No frame passes this filter: the handle is for sending.
  handle.open(device, "less 1", received.length, received);
  let stopped = false;
  process.on("SIGTERM", () => {
    stopped = true;
  });
  const source = Buffer.from(mac.replaceAll(":", ""), "hex");
  const frame = Buffer.alloc(MARKED_FRAME_LENGTH);
  let sent = 0;
  while (sent < count && !stopped) {
    writeMarkedFrame(frame, source, marker, sent + 1);
    handle.send(frame, frame.length);
    sent++;
    await sleep(intervalMs);
  }
  handle.close();
  return sent;
}

const [device, mac, count, marker, intervalMs] = process.argv.slice(2);
try {
  const sent = await inject(device!, mac!, Number(count), Buffer.from(marker!, "hex"), Number(intervalMs));
  process.stdout.write(`sent ${sent}\n`);
} catch (error) {
  process.stderr.write(`inject: ${messageOf(error)}\n`);
  process.exitCode = 1;
}

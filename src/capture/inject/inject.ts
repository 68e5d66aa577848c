/**
 * Frame injection by the optional package cap (libpcap's pcap_sendpacket(3PCAP)). A device is sent out of from the
 * network namespace that holds it, so the sending is done by a small program of its own, inject-frames.ts.
 */
import { fileURLToPath } from "node:url";
import { TapscopeError } from "../../core/errors.ts";
import type { Place } from "../../core/place.ts";
import { type Child, failure, spawn } from "../../core/process.ts";
import { MARKER_LENGTH } from "./marked-frame.ts";

export interface InjectOptions {
  readonly device: string;
  readonly place: Place;
  readonly count: number;
  /** 8 bytes that no other run uses. */
  readonly marker: Uint8Array;
  /** The device's own Ethernet address, `02:00:…`: no switch learns a new one. */
  readonly mac: string;
  /** Milliseconds between two frames. */
  readonly intervalMs: number;
}

/** Sends marked frames until all are sent or `stop` resolves, and returns how many were sent. @throws TapscopeError `E_INJECT` */
export async function injectFrames(options: InjectOptions, stop: Promise<unknown>): Promise<number> {
  const { device, place, count, marker, mac, intervalMs } = options;
  if (marker.length !== MARKER_LENGTH) throw new RangeError(`a marker has ${MARKER_LENGTH} bytes`);
  const program = fileURLToPath(new URL("./inject-frames.js", import.meta.url));
  const hex = Buffer.from(marker).toString("hex");
  await using child: Child = spawn([process.execPath, program, device, mac, String(count), hex, String(intervalMs)], {
    place,
  });
  let [out, err] = ["", ""];
  child.stdout!.setEncoding("utf8").on("data", (text: string) => {
    out = (out + text).slice(-100);
  });
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    err = (err + text).slice(-4000);
  });
  void stop.then(() => child.signal("SIGTERM"));
  const exit = await child.ended;
  const sent = /^sent (\d+)$/m.exec(out)?.[1];
  if (sent !== undefined) return Number(sent);
  const why = /^inject: (.*)$/m.exec(err)?.[1];
  if (why === undefined) throw failure(child.argv, { ...exit, stderr: err });
  throw new TapscopeError("E_INJECT", `cannot inject frames out of ${device}: ${why}`, {
    hint: why.includes("cap")
      ? "the optional package cap has to be there: apt-get install libpcap-dev g++ make, then npm install cap"
      : "it takes root, or CAP_NET_RAW",
  });
}

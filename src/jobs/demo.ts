/** `demo`: the main job end to end. A lab, traffic in it, a mirror of the traffic that already flows, and watch on its output. */
import { Cleanup } from "../core/cleanup.ts";
import { ownerId } from "../core/identity.ts";
import { startLab } from "../lab/lab.ts";
import { LAB_HOSTS, MONITOR_TAP } from "../lab/topology.ts";
import { startTraffic } from "../lab/traffic/traffic.ts";
import { createMirror } from "../mirror/mirror.ts";
import { Session } from "../mirror/session.ts";
import { labTarget } from "../mirror/target.ts";
import { type WatchOptions, type WatchSummary, watch } from "./watch.ts";

export type DemoOptions = Pick<WatchOptions, "durationMs" | "show" | "note" | "signal"> & {
  /** What is being done, while there is nothing to see yet. */
  readonly onStep: (step: string) => void;
};

/** Runs until the user quits, the time is over or the signal aborts; then all of it is gone. */
export async function demo({ onStep, ...show }: DemoOptions): Promise<WatchSummary> {
  await using cleanup = new Cleanup(20_000);
  onStep("starting a private Open vSwitch with hosts a and b");
  const lab = cleanup.use("end the lab", await startLab({ name: `demo-${process.pid}` }));
  onStep("starting traffic from a to b: ping, HTTP, DNS, bulk TCP");
  cleanup.use("stop the traffic", await startTraffic(lab));
  const source = LAB_HOSTS[0]!.tap;
  onStep(`mirroring ${source} to ${MONITOR_TAP}`);
  const session = cleanup.use("close the connection to OVSDB", new Session(labTarget(lab)));
  await createMirror(session, { sources: [source], output: { port: MONITOR_TAP }, owner: ownerId() });
  return await watch({ ...show, source: { kind: "port", session, target: { port: MONITOR_TAP } } });
}

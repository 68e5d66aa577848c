// mirror ensure --watch: how soon copies come again after a source came back or another hand cleared the mirrors, and what waiting costs.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { wrapForPlace } from "../dist/core/place.js";
import { startLab } from "../dist/lab/lab.js";

export const title = "declared mirrors: time to the first copied frame, cost of an idle watch";

const program = join(import.meta.dirname, "../dist/cli/main.js");
const RUNS = 15;
/** Traffic: a frame every so many milliseconds. */
const EVERY_MS = 5;
const IDLE_MS = 30_000;

export async function run(report) {
  const lab = await startLab({ name: `bench-${process.pid}` });
  const folder = mkdtempSync(join(tmpdir(), "tapscope-bench-"));
  try {
    await measure(report, lab, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await lab[Symbol.asyncDispose]();
  }
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function measure(report, lab, folder) {
  const inLab = (...argv) => wrapForPlace(lab.place, argv);
  const sh = (...argv) => {
    const [file, ...args] = inLab(...argv);
    const { status, stderr } = spawnSync(file, args, { encoding: "utf8" });
    if (status !== 0) throw new Error(`${argv.join(" ")}: ${stderr}`);
  };
  // A host behind a veth: its port can be taken off the bridge and put back while it goes on sending.
  sh("ip", "netns", "add", "h");
  sh("ip", "link", "add", "src", "type", "veth", "peer", "name", "h0", "netns", "h");
  sh("ip", "link", "set", "src", "up");
  sh("ip", "-n", "h", "address", "add", "10.9.0.1/24", "dev", "h0");
  sh("ip", "-n", "h", "link", "set", "h0", "up");
  sh("ip", "-n", "h", "neighbor", "add", "10.9.0.2", "lladdr", "02:00:00:00:00:02", "dev", "h0");
  // Known to be elsewhere: else the frames would be flooded to the monitor tap while no mirror takes it.
  sh("ovs-appctl", "fdb/add", "mega_bridge", "mega_tap1", "0", "02:00:00:00:00:02");
  const add = () => sh("ovs-vsctl", "add-port", "mega_bridge", "src");
  add();

  const file = join(folder, "mirrors.json");
  writeFileSync(file, JSON.stringify({ mirrors: [{ name: "m", sources: ["src"], output: "mega_tap2" }] }));
  const children = [];
  const start = (argv) => {
    const child = spawn(argv[0], argv.slice(1), { stdio: ["ignore", "pipe", "ignore"] });
    children.push(child);
    return child;
  };
  try {
    const watch = start([process.execPath, program, "--lab", lab.name, "mirror", "ensure", file, "--watch"]);
    await new Promise((resolve) => watch.stdout.once("data", resolve));
    let lastMs = 0;
    const tcpdump = start(inLab("tcpdump", "-Z", "root", "--immediate-mode", "-s", "256", "-lni", "mega_tap2", "icmp"));
    let onFrame = () => {};
    tcpdump.stdout.on("data", () => {
      lastMs = performance.now();
      onFrame(lastMs);
    });
    start(wrapForPlace({ ...lab.place, netns: "h" }, ["ping", "-q", "-i", String(EVERY_MS / 1000), "10.9.0.2"]));
    while (lastMs === 0) await sleep(50);

    const firstAfter = async (event) => {
      const quiet = async () => {
        while (performance.now() - lastMs < 200) await sleep(20);
      };
      const times = [];
      for (let run = 0; run < RUNS; run++) {
        times.push(await event(quiet));
        await sleep(300);
      }
      return times.sort((a, b) => a - b);
    };
    const nextFrame = () =>
      new Promise((resolve) => {
        onFrame = resolve;
      });
    const tell = (what, times) =>
      report({
        what,
        "median ms": Math.round(times[RUNS >> 1]),
        "slowest ms": Math.round(times.at(-1)),
        runs: RUNS,
      });

    const returned = await firstAfter(async (quiet) => {
      sh("ovs-vsctl", "del-port", "mega_bridge", "src");
      await quiet();
      const began = performance.now();
      const first = nextFrame();
      add();
      return (await first) - began;
    });
    tell("from ovs-vsctl add-port of a source that came back, to its first copied frame", returned);

    const cleared = await firstAfter(async () => {
      sh("ovs-vsctl", "clear", "bridge", "mega_bridge", "mirrors");
      const began = performance.now();
      // What OVS still copies by old flows is seen at once; the mirror is back when its row is.
      return await new Promise((resolve) => {
        watch.stdout.once("data", () => resolve(performance.now() - began));
      });
    });
    tell("from the end of ovs-vsctl clear bridge … mirrors, until the mirror is made again and refreshed", cleared);

    const cpu = () => {
      const fields = readFileSync(`/proc/${watch.pid}/stat`, "latin1").split(") ")[1].split(" ");
      return (Number(fields[11]) + Number(fields[12])) * 10;
    };
    await sleep(2000);
    const before = cpu();
    await sleep(IDLE_MS);
    const status = readFileSync(`/proc/${watch.pid}/status`, "utf8");
    report({
      what: `an idle watch, traffic going on: CPU time in ${IDLE_MS / 1000} s, memory`,
      "cpu ms": cpu() - before,
      "rss MB": Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1000),
    });
  } finally {
    for (const child of children) child.kill("SIGTERM");
    await sleep(300);
  }
}

// What live capture loses beside `tcpdump -w /dev/null`, when a capture is replayed at top speed into a veth pair between two network namespaces of its own:
// small and full-size frames, whole frames and headers, with the UI on the screen.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { replayCapture } from "./tools/captures.mjs";
import { installed, median } from "./tools/measure.mjs";
import { Terminal } from "./tools/terminal.mjs";

export const title = "packets lost live, beside tcpdump -w /dev/null (replayed at top speed)";

const SIZES = [60, 1514];
const PACKETS = 200_000;
const LOOPS = 4;
/** tcpdump holds a block of packets back for up to a second (packet(7)). */
const SETTLE_MS = 1500;

export async function run(report, { builds, rounds, cache }) {
  if (process.getuid() !== 0) return report.skip("everything", "network namespaces need root here");
  for (const [program, from] of [
    ["tcpreplay", "tcpreplay"],
    ["tcpdump", "tcpdump"],
    ["ip", "iproute2"],
  ]) {
    if (!installed(program)) return report.skip("everything", `${program} is not installed: apt-get install ${from}`);
  }
  const [from, to, device] = [`tsbf${process.pid}`, `tsbt${process.pid}`, `tsb${process.pid % 100_000}`];
  const remove = () => {
    for (const name of [from, to]) spawnSync("ip", ["netns", "delete", name]);
  };
  process.once("exit", remove);
  try {
    for (const name of [from, to]) must("ip", "netns", "add", name);
    must("ip", "-n", from, "link", "add", "out0", "type", "veth", "peer", "name", device, "netns", to);
    for (const [netns, name] of [
      [from, "out0"],
      [to, device],
    ]) {
      must("ip", "netns", "exec", netns, "sysctl", "-qw", `net.ipv6.conf.${name}.disable_ipv6=1`);
      must("ip", "-n", netns, "link", "set", name, "up");
    }
    for (const size of SIZES)
      await measure(report, replayCapture(cache, PACKETS, size), size, { builds, rounds, from, to, device });
  } finally {
    remove();
    process.off("exit", remove);
  }
}

async function measure(report, file, size, { builds, rounds, from, to, device }) {
  const within = (...argv) => ["ip", "netns", "exec", to, ...argv];
  const contenders = [
    {
      what: "tcpdump -w /dev/null",
      run: inPipe(
        within("tcpdump", "-n", "-Z", "root", "-B", "65536", "-i", device, "-w", "/dev/null"),
        "listening on",
      ),
    },
    ...builds.flatMap((build) => [
      { what: `${build.name} watch, on the screen`, run: onScreen(within(...build.argv("watch", device))) },
      {
        what: `${build.name} watch --text`,
        run: inPipe(within(...build.argv("watch", device, "--text", "--interval", "300ms")), "pkt/s"),
      },
      {
        what: `${build.name} capture, whole frames`,
        run: inPipe(within(...build.argv("capture", device, "-w", "/dev/null")), "capturing on"),
      },
      {
        what: `${build.name} capture, headers`,
        run: inPipe(within(...build.argv("capture", device, "--snaplen", "256", "-w", "/dev/null")), "capturing on"),
      },
    ]),
  ];
  const replay = [
    "ip",
    "netns",
    "exec",
    from,
    "tcpreplay",
    "-q",
    "--topspeed",
    "-K",
    `--loop=${LOOPS}`,
    "-i",
    "out0",
    file,
  ];
  const seen = new Map(contenders.map(({ what }) => [what, { sent: 0, captured: 0, dropped: 0, rates: [] }]));
  for (let round = 0; round < rounds; round++) {
    for (const { what, run } of contenders) {
      const row = seen.get(what);
      let rate = 0;
      const text = await run(async () => {
        rate = Number(/([\d.]+) pps/.exec(must(...replay))[1]);
        await new Promise((done) => setTimeout(done, SETTLE_MS));
      });
      const captured = /([\d,]+) packets captured/.exec(text);
      if (!captured) {
        report.skip(`${size} bytes: ${what}`, `it did not say what it captured: ${text.slice(-80)}`);
        seen.delete(what);
        contenders.splice(
          contenders.findIndex((one) => one.what === what),
          1,
        );
        break;
      }
      row.sent += PACKETS * LOOPS;
      row.rates.push(rate);
      row.captured += Number(captured[1].replaceAll(",", ""));
      row.dropped += Number(/(\d+)(?: packets)? dropped by kernel/.exec(text)?.[1] ?? 0);
    }
  }
  for (const [what, { sent, captured, dropped, rates }] of seen) {
    report({
      what: `${size} bytes: ${what}`,
      sent,
      lost: sent - captured,
      "lost %": ((100 * (sent - captured)) / sent).toFixed(2),
      "dropped by kernel": dropped,
      "packets/s (median)": Math.round(median(rates)),
    });
  }
}

/** Runs a program whose output has `ready` in it when it captures, does `work`, interrupts it; gives all that it wrote. */
function inPipe(argv, ready) {
  return async (work) => {
    const child = spawn(argv[0], argv.slice(1), { stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    const ended = once(child, "close");
    await new Promise((resolve, reject) => {
      const add = (chunk) => {
        text = (text + chunk).slice(-20_000);
        if (text.includes(ready)) resolve();
      };
      child.stdout.on("data", add);
      child.stderr.on("data", add);
      child.on("close", () => reject(new Error(`${argv.join(" ")} ended: ${text}`)));
    });
    await work();
    child.kill("SIGINT");
    await ended;
    return text;
  };
}

/** The same on a terminal, ended by `q`: the summary comes when the screen has been given back. */
function onScreen(argv) {
  return async (work) => {
    const terminal = new Terminal(argv);
    try {
      await terminal.until(/LIVE/);
      await work();
      terminal.forget();
      terminal.type("q");
      await terminal.ended();
      return terminal.text;
    } finally {
      await terminal.close();
    }
  };
}

function must(...argv) {
  const { status, stdout, stderr, error } = spawnSync(argv[0], argv.slice(1), { encoding: "utf8" });
  if (error || status !== 0) throw new Error(`${argv.join(" ")}: ${error ?? stderr}`);
  return stdout;
}

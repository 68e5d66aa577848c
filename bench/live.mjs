// Live capture beside tcpdump: packets lost when a capture is replayed at top speed into a veth pair between two network
// namespaces of its own; and how soon there is something to see. Needs root, tcpreplay and tmux.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const title = "live capture beside tcpdump -w /dev/null, and time to the first frame";

const program = join(import.meta.dirname, "../dist/cli/main.js");
const PACKETS = 200_000;
const ROUNDS = 3;
const LOOPS = 4;

function must(...argv) {
  const { status, stdout, stderr, error } = spawnSync(argv[0], argv.slice(1), { encoding: "utf8" });
  if (error || status !== 0) throw new Error(`${argv.join(" ")}: ${error ?? stderr}`);
  return stdout;
}

/** A pcap of UDP datagrams of many flows and sizes, the same every time. */
function writeCapture(path) {
  const pieces = [Buffer.alloc(24)];
  pieces[0].writeUInt32LE(0xa1b2c3d4, 0);
  pieces[0].writeUInt16LE(2, 4);
  pieces[0].writeUInt16LE(4, 6);
  pieces[0].writeUInt32LE(65535, 16);
  pieces[0].writeUInt32LE(1, 20);
  for (let n = 0; n < PACKETS; n++) {
    const length = 60 + ((n * 7919) % 1200);
    const record = Buffer.alloc(16 + length);
    record.writeUInt32LE(1_700_000_000 + Math.floor(n / 1e5), 0);
    record.writeUInt32LE((n * 10) % 1e6, 4);
    record.writeUInt32LE(length, 8);
    record.writeUInt32LE(length, 12);
    record.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45], 16);
    record.writeUInt16BE(length - 14, 32);
    record.set([64, 17], 38);
    record.set([10, 0, (n >> 8) & 15, n & 255, 10, 1, 0, 1], 42);
    record.writeUInt16BE(1024 + (n % 4096), 50);
    record.writeUInt16BE(53, 52);
    record.writeUInt16BE(length - 34, 54);
    pieces.push(record);
  }
  writeFileSync(path, Buffer.concat(pieces));
}

/** Starts a program, and resolves when `ready` has appeared in what it writes. */
async function start(argv, ready) {
  const child = spawn(argv[0], argv.slice(1), { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  const ended = once(child, "close").then(() => text);
  await new Promise((resolve, reject) => {
    const add = (chunk) => {
      text += chunk;
      if (text.includes(ready)) resolve();
    };
    child.stdout.on("data", add);
    child.stderr.on("data", add);
    child.on("close", () => reject(new Error(`${argv[0]} ended: ${text}`)));
  });
  return { child, ended };
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

export async function run(report) {
  if (process.getuid() !== 0) return report.skip("live capture", "network namespaces need root here");
  const dir = mkdtempSync(join(tmpdir(), "tapscope-bench-"));
  const [from, to, device] = [`tsbf${process.pid}`, `tsbt${process.pid}`, `tsb${process.pid % 100_000}`];
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
    const file = join(dir, "replay.pcap");
    writeCapture(file);
    await lossRows(report, file, { from, to, device });
    startUpRows(report, { to, device });
  } finally {
    for (const name of [from, to]) spawnSync("ip", ["netns", "delete", name]);
    rmSync(dir, { recursive: true, force: true });
  }
}

async function lossRows(report, file, { from, to, device }) {
  const inTo = ["ip", "netns", "exec", to];
  const node = [...inTo, process.execPath, program];
  const contenders = [
    [
      "tcpdump -w /dev/null",
      [...inTo, "tcpdump", "-n", "-Z", "root", "-B", "65536", "-i", device, "-w", "/dev/null"],
      "listening on",
    ],
    ["tapscope watch --text", [...node, "watch", device, "--text", "--interval", "300ms"], "pkt/s"],
    ["tapscope capture -w /dev/null", [...node, "capture", device, "-w", "/dev/null"], "capturing on"],
  ];
  const seen = new Map(contenders.map(([what]) => [what, { sent: 0, captured: 0, dropped: 0, rates: [] }]));
  // In turns: what else the machine does hits all of them alike.
  for (let round = 0; round < ROUNDS; round++) {
    for (const [what, argv, ready] of contenders) {
      const { child, ended } = await start(argv, ready);
      const replay = must(
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
      );
      // tcpdump holds a block of packets back for up to a second (packet(7)).
      await new Promise((done) => setTimeout(done, 1500));
      child.kill("SIGINT");
      const text = await ended;
      const row = seen.get(what);
      row.sent += PACKETS * LOOPS;
      row.rates.push(Number(/([\d.]+) pps/.exec(replay)[1]));
      row.captured += Number(/(\d+) packets captured/.exec(text)[1]);
      row.dropped += Number(/(\d+)(?: packets)? dropped by kernel/.exec(text)[1]);
    }
  }
  for (const [what, { sent, captured, dropped, rates }] of seen) {
    report({
      what,
      sent,
      captured,
      lost: sent - captured,
      "dropped by kernel": dropped,
      "packets/s (median)": Math.round(median(rates)),
    });
  }
}

/** Milliseconds until `argv` shows a frame in a terminal. */
function firstFrame(argv) {
  const tmux = (...args) => must("tmux", "-L", `tsbench${process.pid}`, ...args);
  const started = performance.now();
  tmux("-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "36", ...argv);
  try {
    while (!tmux("capture-pane", "-p").includes("LIVE"))
      if (performance.now() - started > 20_000) throw new Error("no frame");
    return performance.now() - started;
  } finally {
    tmux("kill-server");
  }
}

function startUpRows(report, { to, device }) {
  const timed = (...argv) => {
    const started = performance.now();
    must(...argv);
    return performance.now() - started;
  };
  const runs = (measure) => Math.round(median(Array.from({ length: 7 }, measure)));
  const bare = runs(() => timed(process.execPath, "-e", "0"));
  report({ what: "node -e 0", ms: bare });
  const help = runs(() => timed(process.execPath, program, "--help"));
  report({ what: "tapscope --help", ms: help, "ms over node": help - bare });
  if (spawnSync("tmux", ["-V"]).status !== 0) return report.skip("the first frame", "tmux is not installed");
  const shell = runs(() => firstFrame(["sh", "-c", "echo LIVE; exec sleep 30"]));
  report({ what: "tmux and a shell that says LIVE", ms: shell });
  const frame = runs(() => firstFrame(["ip", "netns", "exec", to, process.execPath, program, "watch", device]));
  report({ what: "tapscope watch: first frame in tmux", ms: frame, "ms over node": frame - shell });
}

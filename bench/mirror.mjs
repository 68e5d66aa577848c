// Mirrors and taps beside bare ovs-vsctl, on a lab of its own: both enter the lab the same way.
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { wrapForPlace } from "../dist/core/place.js";
import { startLab } from "../dist/lab/lab.js";

export const title = "tapscope mirror and tap beside bare ovs-vsctl";

const program = join(import.meta.dirname, "../dist/cli/main.js");
const MANY = 1000;

function timed(argv, input) {
  const started = performance.now();
  const { status, stderr, stdout } = spawnSync(argv[0], argv.slice(1), { encoding: "utf8", maxBuffer: 1 << 28, input });
  if (status !== 0) throw new Error(`${argv.slice(-6).join(" ")}: exit ${status}: ${stderr}`);
  return { ms: performance.now() - started, stdout };
}

/** The median of `runs`, with `between` after each. */
function median(runs, argv, between = () => {}) {
  const times = [];
  for (let run = 0; run < runs; run++) {
    times.push(timed(argv).ms);
    between();
  }
  return times.sort((a, b) => a - b)[runs >> 1];
}

const round = (ms) => Math.round(ms);

export async function run(report) {
  const lab = await startLab({ name: `bench-${process.pid}` });
  try {
    await measureAll(report, lab);
  } finally {
    await lab[Symbol.asyncDispose]();
  }
}

async function measureAll(report, lab) {
  const tapscope = (...args) => [process.execPath, program, "--lab", lab.name, ...args];
  const inLab = (...argv) => wrapForPlace(lab.place, argv);
  const vsctl = (...args) => inLab("ovs-vsctl", ...args);
  const both = (what, ours, bare, more = {}) =>
    report({ what, "tapscope ms": round(ours), "bare ovs-vsctl ms": bare === null ? null : round(bare), ...more });

  const node = median(9, [process.execPath, "-e", "0"]);
  both("node -e 0", node, null);
  both("tapscope --help", median(9, [process.execPath, program, "--help"]), null);

  const create = ["--", "--id=@p", "get", "port", "mega_tap0", "--", "--id=@o", "get", "port", "mega_tap2"];
  create.push(
    "--",
    "--id=@m",
    "create",
    "mirror",
    "name=m",
    "select_src_port=@p",
    "select_dst_port=@p",
    "output_port=@o",
  );
  create.push("--", "add", "bridge", "mega_bridge", "mirrors", "@m");
  const clear = () => timed(vsctl("clear", "bridge", "mega_bridge", "mirrors"));
  both(
    "mirror create",
    median(9, tapscope("mirror", "create", "mega_tap0", "mega_tap2"), clear),
    median(9, vsctl(...create), clear),
  );
  timed(vsctl(...create));
  both(
    "mirror list",
    median(9, tapscope("--json", "mirror", "list")),
    median(9, vsctl("--format=json", "list", "mirror")),
  );
  clear();

  await firstCopies(report, lab, inLab, tapscope, vsctl(...create), clear);

  try {
    manyTaps(report, both, tapscope, vsctl, inLab);
  } catch (error) {
    report.skip(`the rest of ${MANY} taps`, error.message.slice(-300));
  }
}

function manyTaps(report, both, tapscope, vsctl, inLab) {
  const names = Array.from({ length: MANY }, (_, n) => `bare${n}`);
  const add = names.flatMap((name) => [
    "--",
    "add-port",
    "mega_bridge",
    name,
    "tag=10",
    "--",
    "set",
    "interface",
    name,
    "type=internal",
  ]);
  const remove = names.flatMap((name) => ["--", "del-port", name]);
  const up = names.map((name) => `link set dev ${name} up promisc on\n`).join("");
  const bareCreate = timed(vsctl("--timeout=900", ...add)).ms;
  const bareUp = timed(inLab("ip", "-batch", "-"), up).ms;
  const bareList = median(5, vsctl("--format=json", "list", "mirror"));
  const bareDelete = timed(vsctl("--timeout=900", ...remove)).ms;
  const ourCreate = timed(tapscope("tap", "create", "10", "--count", String(MANY))).ms;
  const ourList = median(5, tapscope("--json", "mirror", "list"));
  both(`tap create --count ${MANY} (bare: one call, and ip -batch up)`, ourCreate, bareCreate + bareUp);
  both(`mirror list, ${MANY} ports`, ourList, bareList);
  const bridge = JSON.parse(timed(tapscope("--json", "tap", "list")).stdout);
  const made = bridge.filter(({ vlan }) => vlan === 10).map(({ name }) => name);
  const ourDelete = timed(tapscope("tap", "delete", ...made)).ms;
  both(`tap delete, ${MANY} taps (bare: one call)`, ourDelete, bareDelete);
  const few = names.slice(0, 50);
  const oneByOne = few.reduce(
    (sum, name) =>
      sum + timed(vsctl("add-port", "mega_bridge", name, "--", "set", "interface", name, "type=internal")).ms,
    0,
  );
  report.skip(`${MANY} taps by one call each`, `the first 50 took ${round(oneByOne)} ms`);
}

/** From the start of the command, and from its end, to the first copied packet of a ping that already runs 100 times a second. */
async function firstCopies(report, lab, inLab, tapscope, bare, clear) {
  const ping = spawn(
    "setpriv",
    wrapForPlace({ ...lab.place, netns: "a" }, ["ping", "-i", "0.01", "10.0.0.2"]).slice(1),
    { stdio: "ignore" },
  );
  const dump = inLab("tcpdump", "-Z", "root", "--immediate-mode", "-s", "128", "-lni", "mega_tap2");
  const capture = spawn(dump[0], dump.slice(1), { stdio: ["ignore", "pipe", "pipe"] });
  await new Promise((resolve) => capture.stderr.on("data", (text) => String(text).includes("listening") && resolve()));
  let onPacket = () => {};
  capture.stdout.on("data", () => onPacket());
  const measure = async (argv) => {
    const packet = new Promise((resolve) => {
      onPacket = () => resolve(performance.now());
      setTimeout(() => resolve(undefined), 3000);
    });
    const started = performance.now();
    const child = spawn(argv[0], argv.slice(1), { stdio: "ignore" });
    const ended = await new Promise((resolve) => child.on("exit", () => resolve(performance.now())));
    const first = await packet;
    return first === undefined ? undefined : { sinceStart: first - started, sinceEnd: first - ended };
  };
  for (const [what, argv] of [
    ["tapscope mirror create", tapscope("mirror", "create", "mega_tap0", "mega_tap2")],
    ["bare ovs-vsctl", bare],
  ]) {
    const seen = [];
    for (let run = 0; run < 5; run++) {
      seen.push(await measure(argv));
      clear();
      timed(inLab("ovs-appctl", "revalidator/purge"));
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    const copied = seen.filter((one) => one !== undefined).sort((a, b) => a.sinceStart - b.sinceStart);
    const middle = copied[copied.length >> 1];
    report({
      what: `first copy of a running flow, ${what}`,
      "copied within 3 s": `${copied.length} of ${seen.length}`,
      "ms since start": middle && round(middle.sinceStart),
      "ms since end": middle && round(middle.sinceEnd),
    });
  }
  for (const child of [ping, capture]) child.kill("SIGKILL");
}

#!/usr/bin/env node
/**
 * Records fixtures/pcaps/ anew: real programs on a lab of our own, captured by tcpdump; what the lab cannot speak is crafted
 * with scapy. Writes MANIFEST.json beside the captures. Needs a built tapscope, and (Debian packages) openvswitch-switch,
 * tcpdump, iputils-ping, curl, dnsmasq-base, udhcpc, busybox-static, openssl, python3-scapy, wireshark-common.
 *
 *     npm run build && node scripts/record-fixtures.mjs [name…]
 *
 * With names, only those are recorded again; the crafted ones always are, and come out the same.
 */
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const root = join(import.meta.dirname, "..");
const out = join(root, "fixtures/pcaps");
const tapscope = join(root, "dist/cli/main.js");
const lab = `fixtures-${process.pid}`;
const scratch = mkdtempSync(join(tmpdir(), "tapscope-fixtures-"));
const manifest = [];
const only = process.argv.slice(2);
/** What was recorded before and stays. */
const kept = only.length > 0 ? JSON.parse(readFileSync(join(out, "MANIFEST.json"), "utf8")).files : [];

const run = (...args) => execFileSync(process.execPath, [tapscope, ...args], { encoding: "utf8" });
const execArgs = (where, argv) => [tapscope, "lab", "exec", "--name", lab, where, "--", ...argv];
/** Runs a command in the lab; what it answers does not matter. */
function inLab(where, ...argv) {
  try {
    execFileSync(process.execPath, execArgs(where, argv), { stdio: "ignore", timeout: 30_000 });
  } catch {
    // A refused connection is what some recordings are about.
  }
}
/** A server: runs until the given time has passed. */
function serve(where, seconds, ...argv) {
  spawn(process.execPath, execArgs(where, ["timeout", String(seconds), ...argv]), { stdio: "ignore" });
}

/** Captures on a device for some seconds while `traffic` runs. */
async function record(name, what, { where = "a", device = "mega_tap0", netns, seconds = 8, bpf = [] }, traffic) {
  if (only.length > 0 && !only.includes(name)) {
    const { commands } = kept.find(({ file }) => file === `${name}.pcap`);
    manifest.push({ file: `${name}.pcap`, what, crafted: false, commands });
    return;
  }
  const enter = netns ? ["ip", "netns", "exec", netns] : [];
  const tcpdump = [
    "timeout",
    "-s",
    "INT",
    String(seconds),
    "tcpdump",
    "-U",
    "-Z",
    "root",
    "-i",
    device,
    "-w",
    "-",
    ...bpf,
  ];
  const child = spawn(process.execPath, execArgs(where, [...enter, ...tcpdump]), { stdio: ["ignore", "pipe", "pipe"] });
  const file = createWriteStream(join(out, `${name}.pcap`));
  child.stdout.pipe(file);
  let said = "";
  child.stderr.on("data", (chunk) => (said += chunk));
  const deadline = Date.now() + 10_000;
  while (!said.includes("listening on")) {
    if (Date.now() > deadline) throw new Error(`tcpdump does not listen: ${said}`);
    await sleep(50);
  }
  const commands = [];
  const note = (whom, ...argv) => {
    commands.push(`${whom}: ${argv.join(" ")}`);
    return argv;
  };
  await traffic({
    run: (whom, ...argv) => inLab(whom, ...note(whom, ...argv)),
    serve: async (whom, ...argv) => {
      serve(whom, seconds, ...note(whom, ...argv));
      await sleep(2000);
    },
  });
  await Promise.all([once(child, "close"), once(file, "close")]);
  manifest.push({ file: `${name}.pcap`, what, crafted: false, commands });
  console.log(`${name}: ${what}`);
}

/** A second bridge and a namespace `u` behind it: where OVS's tunnels end. */
function underlay() {
  const script = `set -e
ovs-vsctl add-br under -- set bridge under datapath_type=netdev -- add-port under u0 -- set interface u0 type=internal
ip netns add u
ip link set u0 netns u
ip netns exec u ip addr add 192.0.2.2/24 dev u0
ip netns exec u ip link set u0 up
ip addr add 192.0.2.1/24 dev under
ip link set under up
ip netns exec u ping -c 2 192.0.2.1`;
  execFileSync(process.execPath, execArgs("switch", ["sh", "-c", script]), { stdio: "ignore" });
}

async function recordAll() {
  const www = join(scratch, "www");
  mkdirSync(www);
  writeFileSync(join(www, "index.html"), "<html>tapscope</html>\n".repeat(50));
  execFileSync("openssl", [
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=api.example.test"],
    ...["-keyout", join(scratch, "key.pem"), "-out", join(scratch, "cert.pem")],
  ]);

  serve("b", 600, "busybox", "httpd", "-f", "-p", "80", "-h", www);

  await record("ping", "four echo requests and replies, ARP before", {}, async (t) => {
    t.run("a", "ip", "neigh", "flush", "all");
    t.run("a", "ping", "-c", "4", "-i", "0.2", "10.0.0.2");
  });
  await record("ping6", "echo over IPv6, neighbour discovery before", {}, async (t) => {
    t.run("a", "ip", "-6", "neigh", "flush", "all");
    t.run("a", "ping", "-6", "-c", "3", "-i", "0.2", "fd00::2");
  });
  await record("fragments", "echo requests of 4000 bytes, in fragments", {}, async (t) => {
    t.run("a", "ping", "-c", "2", "-i", "0.2", "-s", "4000", "10.0.0.2");
  });
  await record("tcp-bulk", "200 kB over TCP", {}, async (t) => {
    await t.serve("b", "sh", "-c", "sleep 6 | busybox nc -l -p 5001 > /dev/null");
    t.run("a", "sh", "-c", "(head -c 200000 /dev/zero; sleep 1) | timeout 2 busybox nc 10.0.0.2 5001");
  });
  await record("tcp-refused", "a connection to a closed port, and one to nobody", {}, async (t) => {
    t.run("a", "curl", "-s", "--max-time", "1", "http://10.0.0.2:81/");
    t.run("a", "ip", "neigh", "replace", "10.0.0.9", "lladdr", "02:00:00:00:00:09", "dev", "mega_tap0");
    t.run("a", "curl", "-s", "--max-time", "1.5", "http://10.0.0.9/");
  });
  await record("http", "one request by curl, answered by busybox httpd", {}, async (t) => {
    t.run("a", "curl", "-s", "-H", "Host: www.example.test", "http://10.0.0.2/");
  });
  await record("http6", "one request over IPv6", {}, async (t) => {
    t.run("a", "curl", "-s", "http://[fd00::2]/");
  });
  await record("tls", "a TLS 1.3 handshake with server name, by openssl", {}, async (t) => {
    const files = ["-cert", join(scratch, "cert.pem"), "-key", join(scratch, "key.pem")];
    await t.serve("b", "openssl", "s_server", "-quiet", "-accept", "443", ...files);
    t.run("a", "sh", "-c", "echo Q | timeout 2 openssl s_client -connect 10.0.0.2:443 -servername api.example.test");
  });
  await record("dns", "A and AAAA queries by busybox nslookup, answered by dnsmasq", {}, async (t) => {
    const options = ["--no-daemon", "--no-resolv", "--no-hosts", "--user=root", "--pid-file="];
    await t.serve("b", "dnsmasq", ...options, "--address=/www.example.test/192.0.2.80");
    t.run("a", "busybox", "nslookup", "www.example.test", "10.0.0.2");
    t.run("a", "busybox", "nslookup", "nowhere.invalid", "10.0.0.2");
  });
  await record("dhcp", "discover, offer, request, ack: udhcpc and dnsmasq", { seconds: 9 }, async (t) => {
    const options = [
      "--no-daemon",
      "--port=0",
      "--user=root",
      "--pid-file=",
      "--no-ping",
      `--dhcp-leasefile=${scratch}/leases`,
    ];
    await t.serve("b", "dnsmasq", ...options, "--dhcp-range=10.0.0.50,10.0.0.60");
    t.run("a", "busybox", "udhcpc", "-i", "mega_tap0", "-n", "-q", "-t", "3", "-s", "/bin/true");
  });
  run("--lab", lab, "mirror", "create", "mega_tap0", "mega_tap2");
  await record(
    "vlan",
    "ping and HTTP as a trunk port sees them: tag 100",
    { where: "switch", device: "mega_tap2" },
    async (t) => {
      t.run("a", "ping", "-c", "2", "-i", "0.2", "10.0.0.2");
      t.run("a", "curl", "-s", "http://10.0.0.2/");
    },
  );
  run("--lab", lab, "mirror", "delete", "mega_tap2");

  underlay();
  for (const tunnel of ["vxlan", "geneve", "gre", "erspan"]) {
    run("--lab", lab, "mirror", "create", "mega_tap0", "--to", `${tunnel}:192.0.2.2:77`);
    // OVS drops what it tunnels until it knows the other end's MAC address.
    if (only.length === 0 || only.includes(tunnel)) inLab("a", "ping", "-c", "2", "-i", "0.2", "10.0.0.2");
    const on = { where: "switch", netns: "u", device: "u0", bpf: ["not", "icmp[icmptype] == 3", "and", "not", "arp"] };
    await record(tunnel, `ping and HTTP, mirrored by Open vSwitch over ${tunnel}`, on, async (t) => {
      t.run("a", "ping", "-c", "2", "-i", "0.2", "10.0.0.2");
      t.run("a", "curl", "-s", "http://10.0.0.2/");
    });
    run("--lab", lab, "mirror", "delete", "all");
  }
}

const firstLine = (...argv) => {
  const { stdout, stderr } = spawnText(argv);
  return (stdout || stderr).trim().split("\n")[0];
};
function spawnText([program, ...args]) {
  try {
    return { stdout: execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }), stderr: "" };
  } catch (error) {
    return { stdout: error.stdout ?? "", stderr: error.stderr ?? "" };
  }
}

mkdirSync(out, { recursive: true });
if (only.length === 0) for (const old of readdirSync(out)) rmSync(join(out, old));
run("lab", "up", "--name", lab);
try {
  await recordAll();
} finally {
  run("lab", "down", "--name", lab);
  rmSync(scratch, { recursive: true, force: true });
}
const crafted = execFileSync("/usr/bin/python3", [join(root, "scripts/craft-fixtures.py"), out], { encoding: "utf8" });
for (const line of crafted.trim().split("\n")) manifest.push({ ...JSON.parse(line), crafted: true });

const files = manifest.map((entry) => {
  const path = join(out, entry.file);
  const bytes = readFileSync(path);
  // -M: exact numbers; -c: packets, -d: bytes on the wire.
  const [, packets, wire] = execFileSync("capinfos", ["-T", "-r", "-M", "-c", "-d", path], { encoding: "utf8" })
    .trim()
    .split("\t");
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { ...entry, packets: Number(packets), bytes: Number(wire), sha256 };
});
const versions = {
  "open vswitch": firstLine("ovs-vsctl", "--version"),
  tcpdump: firstLine("tcpdump", "--version"),
  ping: firstLine("ping", "-V"),
  curl: firstLine("curl", "--version").split(" ").slice(0, 2).join(" "),
  dnsmasq: firstLine("dnsmasq", "--version"),
  busybox: firstLine("busybox"),
  openssl: firstLine("openssl", "version"),
  scapy: firstLine("/usr/bin/python3", "-c", "import scapy; print(scapy.__version__)"),
  capinfos: firstLine("capinfos", "--version"),
};
writeFileSync(
  join(out, "MANIFEST.json"),
  `${JSON.stringify({ recorded_by: "scripts/record-fixtures.mjs", versions, files }, null, 2)}\n`,
);
console.log(`${files.length} files`);

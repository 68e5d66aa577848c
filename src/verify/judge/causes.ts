/**
 * Why a mirror did not tell the truth, or could not be tested: what Open vSwitch's own state, the monitor's device and
 * the shape of the loss say. Each cause has a code for scripts, a sentence, and what to do.
 */

import type { StreamTally } from "../match/tally.ts";
import type { Facts, MirrorFact } from "./facts.ts";
import type { Evidence } from "./judge.ts";
import type { Cause, CauseCode, Verdict } from "./report.ts";

export interface Findings {
  /** Of a verdict that is not `faithful`. */
  readonly causes: readonly Cause[];
  /** What does not change the verdict. */
  readonly notes: readonly Cause[];
}

/** Open vSwitch versions that go on with running flows as they were when a mirror comes (its commit 3b1882261 ended that). */
const STALE_FLOWS = /^3\.[0-3]\./;

export function findCauses(verdict: Verdict, evidence: Evidence, facts: Facts): Findings {
  const notes = new Finder(evidence, facts);
  notes.remarks();
  const causes = new Finder(evidence, facts);
  if (facts.vswitchd && verdict !== "faithful") causes.vswitchd(facts.vswitchd);
  else if (verdict === "untested") causes.untested();
  else if (verdict === "unfaithful") causes.unfaithful();
  const told = new Set(causes.found.map(({ code }) => code));
  return { causes: causes.found, notes: notes.found.filter(({ code }) => !told.has(code)) };
}

class Finder {
  readonly found: Cause[] = [];
  readonly #evidence: Evidence;
  readonly #facts: Facts;

  constructor(evidence: Evidence, facts: Facts) {
    this.#evidence = evidence;
    this.#facts = facts;
  }

  #add(code: CauseCode, message: string, hint: string | null = null): void {
    this.found.push({ code, message, hint });
  }

  /** The mirrors that end at the monitor. */
  get #own(): readonly MirrorFact[] {
    return (this.#facts.mirrors ?? []).filter(({ output }) => output === this.#facts.monitor.port);
  }

  get #missing(): number {
    const { tally, ping, inject } = this.#evidence;
    const frames = tally.in.missing + tally.out.missing;
    return frames || (ping?.missing_seq.length ?? 0) || (inject ? Math.max(0, inject.sent - inject.seen) : 0);
  }

  /** Nothing is switched: whatever else is seen follows from that. */
  vswitchd({ problem, fix }: NonNullable<Facts["vswitchd"]>): void {
    this.#add("vswitchd-down", `${problem}: nothing is switched or mirrored`, `start it: ${fix}`);
  }

  unfaithful(): void {
    const { tally } = this.#evidence;
    if (this.#missing > 0) this.#whyMissing();
    if (tally.in.truncated + tally.out.truncated > 0) this.#truncated();
    if (tally.in.altered + tally.out.altered > 0) {
      this.#add(
        "altered",
        "copies differ from what was sent: something between the switch and the monitor changes frames",
        "the report shows the first bytes that differ; look for tc, nftables and bridges behind the output port",
      );
    }
    if (tally.in.duplicated + tally.out.duplicated > 0) this.#duplicated();
    if (this.found.length === 0) {
      this.#add(
        "unknown",
        "no cause is to be seen in the switch's state",
        "tapscope doctor checks the switch; --save keeps both captures",
      );
    }
  }

  #whyMissing(): void {
    const { monitor, mirrors } = this.#facts;
    if (!monitor.up || !monitor.carrier) {
      const what = monitor.up ? "has no carrier: nothing reads its other end" : "is down";
      this.#add(
        "monitor-down",
        `the monitor ${monitor.port} ${what}: it gets no copies`,
        monitor.up ? "start what holds the tap open, or use an internal port" : `ip link set ${monitor.port} up`,
      );
    }
    if (mirrors === null) {
      this.#add("unknown", "Open vSwitch could not be asked about its mirrors", "name it with --db or --lab");
      return;
    }
    if (this.#own.length === 0) this.#noMirror();
    for (const mirror of this.#own) this.#checkMirror(mirror);
    if (this.found.length === 0) this.#whyLost();
    this.#captureDrops();
  }

  #noMirror(): void {
    const { monitor, sources } = this.#facts;
    const mirrors = this.#facts.mirrors ?? [];
    const dangling = mirrors.filter(({ health, output }) => health === "dangling-output" && output === null);
    for (const { name } of dangling) {
      this.#add(
        "dangling-output",
        `mirror ${name} has lost its output: the port was deleted`,
        `tapscope mirror delete ${name}, and create it anew with ${monitor.port} as its output`,
      );
    }
    const elsewhere = mirrors.find(
      (mirror) =>
        mirror.output !== null && sources.some((port) => mirror.all || mirror.sources.some((s) => s.port === port)),
    );
    const aside = elsewhere ? ` (mirror ${elsewhere.name} copies to ${elsewhere.output})` : "";
    const from = sources[0] ?? "<port>";
    this.#add(
      "no-mirror",
      `no mirror ends at ${monitor.port}${aside}`,
      monitor.bridge === null
        ? `${monitor.port} is no port of this switch: tapscope tap list shows them`
        : `tapscope mirror create ${from} ${monitor.port}`,
    );
  }

  #checkMirror(mirror: MirrorFact): void {
    const { name, health, why } = mirror;
    if (health === "dangling-source") {
      this.#add(
        "dangling-source",
        `mirror ${name} has lost a source: ${why ?? "the port was deleted"}`,
        `tapscope mirror add ${mirror.output} <port>; a port that is made anew under its old name is another port to Open vSwitch`,
      );
    } else if (health === "not-applied") {
      const code = why?.includes("bridge") && why.includes("not on") ? "other-bridge" : "not-applied";
      this.#add(
        code,
        `Open vSwitch ignores mirror ${name}: ${why ?? "no reason is known"}`,
        code === "other-bridge" ? "a mirror's sources and output have to be on its own bridge" : "tapscope doctor",
      );
    } else if (health === "stale") {
      this.#add("stale", `mirror ${name} is a leftover: ${why ?? "its owner has ended"}`, "tapscope clean");
    }
    if (health === "ok" || health === "waiting") this.#checkSelection(mirror);
  }

  /** A mirror that works: does it select what was lost? */
  #checkSelection(mirror: MirrorFact): void {
    const lost = this.#evidence.tally.streams.filter(({ frames, seen }) => seen < frames);
    const ports = new Set(lost.map(({ port }) => port));
    if (!mirror.all) {
      this.#checkPorts(mirror, [...ports]);
      this.#checkDirections(mirror, lost);
    }
    if (mirror.vlans.length > 0) {
      const tags = this.#facts.ports
        .filter(({ name }) => ports.has(name))
        .map(({ name, tag }) => `${name}: ${tag ?? "trunk"}`);
      this.#add(
        "vlan-selection",
        `mirror ${mirror.name} copies VLAN ${mirror.vlans.join(", ")} only${tags.length > 0 ? ` (VLAN of ${tags.join(", ")})` : ""}`,
        `ovs-vsctl clear mirror ${mirror.name} select_vlan`,
      );
    }
    if (mirror.filter !== null) {
      this.#add(
        "filter",
        `mirror ${mirror.name} copies only what matches '${mirror.filter}'`,
        `ovs-vsctl clear mirror ${mirror.name} filter`,
      );
    }
  }

  #checkPorts(mirror: MirrorFact, lost: readonly string[]): void {
    const selected = new Set(mirror.sources.map(({ port }) => port));
    const without = lost.filter((port) => !selected.has(port));
    const copies = `mirror ${mirror.name} copies ${[...selected].join(", ") || "no port"}`;
    const bridgeOf = (port: string) => this.#facts.ports.find(({ name }) => name === port)?.bridge;
    const away = without.filter((port) => bridgeOf(port) !== undefined && bridgeOf(port) !== mirror.bridge);
    if (away.length > 0) {
      this.#add(
        "other-bridge",
        `${away.join(", ")} is on bridge ${bridgeOf(away[0]!)}, mirror ${mirror.name} on ${mirror.bridge}`,
        "a mirror copies ports of its own bridge only",
      );
    } else if (without.length > 0 && without.length === lost.length) {
      this.#add(
        "wrong-source",
        `${copies}, not ${without.join(", ")}`,
        `tapscope mirror add ${mirror.output} ${without.join(" ")}`,
      );
    } else if (lost.length === 0 && this.#passedBy) {
      const { traffic, ports, machines } = this.#facts;
      const device = traffic.kind === "ping" ? traffic.device : null;
      const by = ports.some(({ name }) => name === device) ? device : null;
      const machine = machines.find((port) => selected.has(port));
      this.#add(
        "wrong-source",
        `${copies}${machine === undefined ? "" : `, the tap of a virtual machine`}: the traffic did not pass there${by === null ? "" : `, but by ${by}`}`,
        machine === undefined
          ? `tapscope mirror add ${mirror.output} ${by ?? "<port>"}`
          : `ping inside the virtual machine, and capture what passes: tapscope verify ${mirror.output} --duration 10s   (in a lab: tapscope verify ${mirror.output} -- tapscope lab exec A ping -c 20 <ip>)`,
      );
    }
  }

  /** The sources' captures saw nothing of the traffic. */
  get #passedBy(): boolean {
    const { tally, requestsLeft } = this.#evidence;
    return requestsLeft === 0 || tally.streams.every(({ frames }) => frames === 0);
  }

  #checkDirections(mirror: MirrorFact, lost: readonly StreamTally[]): void {
    for (const { port, direction } of mirror.sources) {
      const other = direction === "in" ? "out" : "in";
      const count = lost
        .filter((stream) => stream.port === port && stream.direction === other)
        .reduce((sum, { frames, seen }) => sum + frames - seen, 0);
      if (direction === "both" || count === 0) continue;
      const words = { in: "enters the switch by", out: "the switch sends out of" };
      this.#add(
        "one-direction",
        `mirror ${mirror.name} copies only what ${words[direction]} ${port} (${direction}): ${count} frames went the other way`,
        `tapscope mirror add ${mirror.output} ${port} --direction both; if it is meant so: verify --direction ${direction}`,
      );
    }
  }

  /** The mirror should have copied it: was the copy made? */
  #whyLost(): void {
    const { tally, copied, queueDrops } = this.#evidence;
    const { monitor, ovsVersion, sources } = this.#facts;
    if (queueDrops > 0 && tally.in.missing > 0) {
      this.#add(
        "source-drops",
        `${queueDrops} frames never entered the switch: it took them slower than they were sent, and ${sources.join(", ")} dropped them`,
        "send slower: this is no fault of the mirror",
      );
      if (tally.in.missing + tally.out.missing <= queueDrops) return;
    }
    const sent = tally.in.sourceFrames + tally.out.sourceFrames - queueDrops;
    const arrived = tally.monitorTotal - tally.chatter;
    // OVS's first count may be 5 s old: the difference is at least what it copied, and maybe more.
    if (copied !== null && copied >= sent && arrived < sent) {
      this.#add(
        "lost-after-copy",
        `Open vSwitch copied every frame (${copied} in its count), ${arrived} came to ${monitor.port}: they are lost behind the switch`,
        `ip -s link show ${monitor.port}; tc -s qdisc show dev ${monitor.port}; nft list ruleset`,
      );
      return;
    }
    if (arrived === 0 && ovsVersion !== null && STALE_FLOWS.test(ovsVersion)) {
      this.#add(
        "stale-flows",
        `no copy was made although the mirror is there: Open vSwitch ${ovsVersion} does not mirror flows that ran before the mirror was made`,
        `ovs-appctl fdb/flush ${monitor.bridge ?? "<bridge>"}   (tapscope mirror create does this by itself)`,
      );
      return;
    }
    if (copied !== null && copied < sent) {
      this.#add(
        "lost-before-copy",
        `Open vSwitch made ${copied} copies of ${sent} frames: the others were not mirrored`,
        "ovs-appctl dpctl/show and coverage/show: is the switch overloaded?",
      );
    }
  }

  #truncated(): void {
    const cutting = this.#own.find(({ snaplen }) => snaplen !== null);
    const { in: entering, out, truncatedTo } = this.#evidence.tally;
    const count = entering.truncated + out.truncated;
    this.#add(
      "snaplen",
      cutting
        ? `mirror ${cutting.name} cuts copies at ${cutting.snaplen} bytes (snaplen): ${count} were longer`
        : `${count} copies were cut, to ${truncatedTo} bytes at most`,
      cutting ? `ovs-vsctl clear mirror ${cutting.name} snaplen` : "look at the MTU and at tc behind the output port",
    );
  }

  #duplicated(): void {
    const count = this.#evidence.tally.in.duplicated + this.#evidence.tally.out.duplicated;
    if (this.#own.length > 1) {
      const names = this.#own.map(({ name }) => name).join(", ");
      this.#add(
        "several-mirrors",
        `${this.#own.length} mirrors end at ${this.#facts.monitor.port}: ${names}`,
        "make one mirror of them: tapscope mirror add",
      );
    }
    this.#add(
      "duplicated",
      `${count} copies came more than once`,
      "a flow that pushes or pops tags is copied before and after; else look for what duplicates behind the output port",
    );
  }

  #captureDrops(): void {
    const { monitorDrops, sourceDrops } = this.#evidence;
    if (monitorDrops + sourceDrops === 0) return;
    const whose = this.#facts.captures
      .filter(({ dropped }) => dropped > 0)
      .map(({ what, dropped }) => `${what}: ${dropped}`);
    this.#add(
      "capture-drops",
      `verify's own captures lost frames (${whose.join(", ")}): what is missing may be their fault`,
      "run it with less traffic, or on a machine with less to do",
    );
  }

  untested(): void {
    const { traffic, uncaptured, sources } = this.#facts;
    const { ping, requestsLeft, pingElsewhere } = this.#evidence;
    for (const { message, hint } of this.#facts.failures) this.#add("capture-failed", message, hint);
    if (this.found.length > 0) return;
    if (traffic.kind === "ping" && pingElsewhere && (ping?.sent ?? 0) > 0) {
      this.#add(
        "wrong-path",
        traffic.device === null
          ? `${traffic.address} is an address of the host that pinged: the ping did not leave it`
          : `the ping left by ${traffic.device}, which is no port of this switch`,
        "choose who pings with --from or --interface",
      );
    } else if (traffic.kind === "ping" && ping && ping.received === 0 && (requestsLeft ?? 0) === 0)
      this.#neverLeft(traffic.address);
    else this.#captureDrops();
    if (this.found.length > 0) return;
    if (sources.length === 0) {
      const why = uncaptured.map((source) => `${source.port}: ${source.why}`).join("; ");
      this.#add(
        "no-source",
        `no source could be captured${why ? ` (${why})` : ""}: there is nothing to compare the monitor with`,
        "name one with --source, or use --ping",
      );
    } else {
      this.#add(
        "nothing-sent",
        `nothing passed ${sources.join(", ")}`,
        "run traffic that passes the source: --ping <ip>, or a command after --",
      );
    }
  }

  #neverLeft(address: string): void {
    const complaint = this.#evidence.ping?.complaint ?? null;
    const six = address.includes(":");
    if (complaint !== null && /network is unreachable|no route/i.test(complaint)) {
      this.#add(
        "no-route",
        `ping could not send: ${complaint}`,
        "give the host that pings an address and a route, or choose another with --from",
      );
    } else if (complaint !== null && !/unreachable/i.test(complaint)) {
      this.#add("nothing-sent", `ping could not send: ${complaint}`, null);
    } else {
      this.#add(
        six ? "nd-failed" : "arp-failed",
        `nobody answered ${six ? "neighbour discovery" : "ARP"} for ${address}: no echo request was ever sent`,
        "ping an address that is there, on the same VLAN as the source",
      );
    }
  }

  /**
   * A virtual machine leaves checksums to its virtio device, that leaves them to the switch, and a userspace datapath passes frames on as
   * they are: whoever receives them drops them. ICMP has no such offload.
   */
  #unfinishedChecksums(): void {
    const { monitor, machines } = this.#facts;
    if (!monitor.userspace) return;
    for (const { port, direction, checksummed, unfinished } of this.#evidence.tally.streams) {
      if (direction !== "in" || unfinished * 2 <= checksummed) continue;
      this.#add(
        "unfinished-checksums",
        `${unfinished} of ${checksummed} TCP and UDP packets of ${port} carry unfinished checksums: a userspace datapath passes them on, and who receives them drops them (ping works, TCP does not)`,
        machines.includes(port)
          ? "give its QEMU -device virtio-net-pci,…,csum=off,guest_csum=off; or, inside the machine: ethtool -K eth0 tx off"
          : "ethtool -K <device> tx off, on the device that sends them",
      );
    }
  }

  remarks(): void {
    const { tally, ping, requestsLeft } = this.#evidence;
    const { monitor, traffic, uncaptured, sources } = this.#facts;
    const both = [tally.in, tally.out];
    const reordered = both.reduce((sum, d) => sum + d.reordered, 0);
    if (reordered > 0) this.#add("reordered", `${reordered} copies came after the copy of a later frame`);
    if (both.some((d) => d.offloaded + d.resegmented > 0)) {
      this.#add(
        "offloads",
        "frames were captured before their device cut them or filled in their checksums (offloads): all bytes came",
        "ethtool -K <dev> tso off gso off gro off tx off makes captures show frames as they are on the wire",
      );
    }
    this.#unfinishedChecksums();
    const largest = ping?.largest ?? null;
    if (largest !== null && largest.packet_bytes < largest.mtu) {
      this.#add(
        "path-mtu",
        `packets of more than ${largest.packet_bytes} bytes do not pass, though the sender's device takes ${largest.mtu}: connections hang at their first full frames`,
        `ip link set dev <device> mtu ${largest.packet_bytes} in the machines at both ends, or a larger MTU on the way: tapscope doctor looks at tunnels`,
      );
    }
    if (monitor.addresses.length > 0 || (monitor.learned.length > 0 && this.#own.length > 0)) {
      const of =
        monitor.addresses.length > 0
          ? `has address ${monitor.addresses.join(", ")}`
          : `has machines behind it (${monitor.learned.join(", ")})`;
      this.#add(
        "output-in-use",
        `the monitor ${monitor.port} ${of}: a mirror's output carries copies only, nothing it sends is taken`,
        monitor.machine && monitor.addresses.length === 0 ? null : "use a port of its own as the output",
      );
    }
    if (ping && ping.received === 0 && (requestsLeft ?? ping.requests_seen) > 0)
      this.#add(
        "no-replies",
        `nobody answered the ping${ping.complaint ? ` (${ping.complaint})` : ""}: replies were not tested`,
      );
    else if (ping && ping.received > 0 && ping.received < ping.sent)
      this.#add("not-answered", `${ping.sent - ping.received} of ${ping.sent} echo requests were not answered`);
    if (traffic.kind === "command" && traffic.exitCode !== 0)
      this.#add("command-failed", `the command ended with ${traffic.signal ?? `exit code ${traffic.exitCode}`}`);
    if (sources.length > 0 && uncaptured.length > 0)
      this.#add(
        "no-source",
        `not captured: ${uncaptured.map((source) => `${source.port} (${source.why})`).join(", ")}`,
      );
    for (const { message, hint } of this.#facts.failures) this.#add("capture-failed", message, hint);
    this.#captureDrops();
  }
}

import { describe, expect, it } from "vitest";
import { findCauses } from "../../../src/verify/judge/causes.ts";
import type { Facts, MirrorFact } from "../../../src/verify/judge/facts.ts";
import { type Evidence, verdictOf } from "../../../src/verify/judge/judge.ts";
import type { PingReport } from "../../../src/verify/judge/report.ts";
import { Tally } from "../../../src/verify/match/tally.ts";

const MIRROR: MirrorFact = {
  name: "m",
  bridge: "br0",
  all: false,
  sources: [{ port: "tap0", direction: "both" }],
  vlans: [],
  snaplen: null,
  filter: null,
  output: "mon",
  health: "ok",
  why: null,
};

const FACTS: Facts = {
  vswitchd: null,
  traffic: { kind: "passive" },
  monitor: {
    port: "mon",
    bridge: "br0",
    up: true,
    carrier: true,
    addresses: [],
    learned: [],
    machine: false,
    userspace: true,
  },
  mirrors: [MIRROR],
  ports: [
    { name: "tap0", bridge: "br0", tag: 100 },
    { name: "tap9", bridge: "br1", tag: null },
    { name: "mon", bridge: "br0", tag: null },
  ],
  ovsVersion: "3.4.1",
  ovs: { before: null, after: null },
  sources: ["tap0"],
  machines: [],
  uncaptured: [],
  captures: [],
  failures: [],
};

const PING: PingReport = {
  address: "10.0.0.2",
  from: "a",
  sent: 3,
  received: 3,
  requests_seen: 3,
  replies_seen: 3,
  missing_seq: [],
  sequences: [],
  complaint: null,
  largest: null,
};

/** 10 frames into the switch, of which `seen` came. */
function evidence(seen: number, more: Partial<Evidence> = {}): Evidence {
  const tally = new Tally([{ port: "tap0", direction: "in" }]);
  Object.assign(tally.in, { sourceFrames: 10, monitorFrames: seen, missing: 10 - seen });
  Object.assign(tally.streams[0]!, { frames: 10, seen });
  tally.monitorTotal = seen;
  return {
    tally,
    ping: null,
    requestsLeft: null,
    bothDirections: true,
    inject: null,
    copied: null,
    monitorCaptured: seen,
    monitorDrops: 0,
    sourceDrops: 0,
    queueDrops: 0,
    hasSources: true,
    pingElsewhere: false,
    ...more,
  };
}

function judged(given: Evidence, facts: Partial<Facts> = {}): [string, ...string[]] {
  const verdict = verdictOf(given);
  return [verdict, ...findCauses(verdict, given, { ...FACTS, ...facts }).causes.map(({ code }) => code)];
}

const nothing = (more: Partial<Evidence> = {}): Evidence => ({ ...evidence(0, more), tally: new Tally([]) });

describe("a switch whose ovs-vswitchd has ended", () => {
  it("is the one cause of all that is missing", () => {
    const vswitchd = { problem: "ovs-vswitchd is not running", fix: "tapscope lab up" };
    const ping = { ...PING, received: 0, requests_seen: 0, replies_seen: 0 };
    expect(judged(nothing({ ping, requestsLeft: 0 }), { vswitchd })).toEqual(["untested", "vswitchd-down"]);
    expect(judged(evidence(0), { vswitchd })).toEqual(["unfaithful", "vswitchd-down"]);
  });
});

describe("what is said of virtual machines", () => {
  const notesOf = (given: Evidence, facts: Partial<Facts> = {}) =>
    findCauses("faithful", given, { ...FACTS, machines: ["tap0"], ...facts }).notes;

  it("is that their packets carry unfinished checksums, when most of what one sends does and the datapath is in userspace", () => {
    const given = evidence(10);
    Object.assign(given.tally.streams[0]!, { checksummed: 8, unfinished: 8 });
    expect(notesOf(given)).toMatchObject([
      { code: "unfinished-checksums", hint: expect.stringContaining("csum=off,guest_csum=off") },
    ]);
    expect(notesOf(given, { monitor: { ...FACTS.monitor, userspace: false } })).toEqual([]);
    // One in 65,536 finished checksums looks like an unfinished one.
    Object.assign(given.tally.streams[0]!, { checksummed: 8, unfinished: 1 });
    expect(notesOf(given)).toEqual([]);
  });

  it("is to ping inside the machine, where the ping came from somewhere else", () => {
    const ping = { ...PING, requests_seen: 0, replies_seen: 0, missing_seq: [1, 2, 3] };
    const given = evidence(0, { ping, requestsLeft: 0 });
    given.tally.in.sourceFrames = 0;
    given.tally.in.missing = 0;
    given.tally.streams[0]!.frames = 0;
    const traffic = { kind: "ping", address: "10.0.0.2", complaint: null, device: "tap9" } as const;
    const [cause] = findCauses("unfaithful", given, { ...FACTS, traffic, machines: ["tap0"] }).causes;
    expect(cause).toMatchObject({
      code: "wrong-source",
      message: expect.stringContaining("the tap of a virtual machine"),
    });
    expect(cause?.hint).toContain("verify mon --duration 10s");
    expect(cause?.hint).not.toContain("mirror add");
  });

  it("is the largest packet that passes, when the device takes larger ones", () => {
    const largest = { payload_bytes: 1418, packet_bytes: 1446, mtu: 1500 };
    expect(notesOf(evidence(10, { ping: { ...PING, largest } }))).toMatchObject([{ code: "path-mtu" }]);
    expect(notesOf(evidence(10, { ping: { ...PING, largest: { ...largest, mtu: 1446 } } }))).toEqual([]);
  });
});

describe("the verdict", () => {
  it("is faithful when all came", () => {
    expect(judged(evidence(10))).toEqual(["faithful"]);
  });

  it.each(["duplicated", "altered", "truncated"] as const)("is unfaithful when a copy is %s", (what) => {
    const given = evidence(10);
    given.tally.in[what] = 1;
    expect(judged(given)[0]).toBe("unfaithful");
  });

  it("does not depend on order, offloads, or frames of others, which are told", () => {
    const given = evidence(10);
    Object.assign(given.tally.in, { reordered: 3, offloaded: 2, resegmented: 1 });
    given.tally.foreign = 7;
    expect(judged(given)).toEqual(["faithful"]);
    expect(findCauses("faithful", given, FACTS).notes.map(({ code }) => code)).toEqual(["reordered", "offloads"]);
  });

  it("is withheld when verify's own capture may have lost what is missing", () => {
    expect(judged(evidence(8, { monitorDrops: 2 }))).toEqual(["untested", "capture-drops"]);
    expect(judged(evidence(8, { monitorDrops: 1 }))).toEqual(["unfaithful", "capture-drops"]);
  });

  it("goes by ping where no source is captured", () => {
    const none = { hasSources: false, ping: PING };
    expect(judged(nothing(none))[0]).toBe("faithful");
    expect(judged(nothing({ ...none, ping: { ...PING, missing_seq: [2] } }))[0]).toBe("unfaithful");
    expect(judged(nothing({ ...none, ping: { ...PING, received: 0, requests_seen: 0 } }))[0]).toBe("untested");
  });

  it("goes by Open vSwitch's count where there is nothing else", () => {
    const none = { hasSources: false, copied: 5 };
    expect(judged(nothing({ ...none, monitorCaptured: 5 }))[0]).toBe("faithful");
    expect(judged(nothing({ ...none, monitorCaptured: 4 }))[0]).toBe("unfaithful");
    expect(judged(nothing({ ...none, copied: 0 }), { sources: [] })).toEqual(["untested", "no-source"]);
    expect(judged(nothing({ ...none, copied: null }), { sources: [] })).toEqual(["untested", "no-source"]);
  });

  it("is faithful when requests left and nobody answered, and says so", () => {
    const given = evidence(10, { ping: { ...PING, received: 0, replies_seen: 0 }, requestsLeft: 3 });
    expect(judged(given)).toEqual(["faithful"]);
    expect(findCauses("faithful", given, FACTS).notes.map(({ code }) => code)).toEqual(["no-replies"]);
  });

  it("says nothing of a ping that did not pass the switch", () => {
    const given = nothing({ ping: { ...PING, requests_seen: 0, missing_seq: [1, 2, 3] }, pingElsewhere: true });
    const traffic = { kind: "ping", address: "192.0.2.1", complaint: null, largest: null, device: "eth0" } as const;
    expect(judged(given, { traffic })).toEqual(["untested", "wrong-path"]);
  });
});

describe("the cause of missing frames", () => {
  it.each<[string, Partial<Facts>]>([
    ["no-mirror", { mirrors: [] }],
    ["no-mirror", { mirrors: [{ ...MIRROR, output: "elsewhere" }] }],
    ["monitor-down", { monitor: { ...FACTS.monitor, up: false } }],
    ["monitor-down", { monitor: { ...FACTS.monitor, carrier: false } }],
    ["dangling-source", { mirrors: [{ ...MIRROR, sources: [], health: "dangling-source" }] }],
    ["not-applied", { mirrors: [{ ...MIRROR, health: "not-applied", why: "bridge br0 has 33 mirrors" }] }],
    ["other-bridge", { mirrors: [{ ...MIRROR, health: "not-applied", why: "its source is on bridge a, not on b" }] }],
    ["wrong-source", { mirrors: [{ ...MIRROR, sources: [{ port: "tap5", direction: "both" }] }] }],
    ["one-direction", { mirrors: [{ ...MIRROR, sources: [{ port: "tap0", direction: "out" }] }] }],
    ["vlan-selection", { mirrors: [{ ...MIRROR, vlans: [200] }] }],
    ["filter", { mirrors: [{ ...MIRROR, filter: "tcp" }] }],
    ["stale-flows", { ovsVersion: "3.1.0" }],
    ["unknown", {}],
    ["unknown", { mirrors: null }],
  ])("%s", (code, facts) => {
    expect(judged(evidence(0), facts)).toEqual(["unfaithful", code]);
  });

  it("is on another bridge when the source is", () => {
    const given = evidence(0);
    Object.assign(given.tally.streams[0]!, { port: "tap9" });
    expect(judged(given)).toEqual(["unfaithful", "other-bridge"]);
  });

  it("is behind the switch when Open vSwitch copied all, before it when it did not", () => {
    expect(judged(evidence(8, { copied: 10 }))).toEqual(["unfaithful", "lost-after-copy"]);
    expect(judged(evidence(8, { copied: 8 }))).toEqual(["unfaithful", "lost-before-copy"]);
  });

  it("is the source's own queue when it dropped as many", () => {
    expect(judged(evidence(8, { copied: 8, queueDrops: 2 }))).toEqual(["unfaithful", "source-drops"]);
    expect(judged(evidence(7, { copied: 8, queueDrops: 2 }))).toEqual([
      "unfaithful",
      "source-drops",
      "lost-after-copy",
    ]);
  });

  it("is named even if it is an output that was deleted", () => {
    const mirrors = [{ ...MIRROR, output: null, health: "dangling-output" }];
    expect(judged(evidence(0), { mirrors })).toEqual(["unfaithful", "dangling-output", "no-mirror"]);
  });
});

describe("other causes", () => {
  it("names the mirror that cuts", () => {
    const given = evidence(10);
    given.tally.in.truncated = 4;
    expect(judged(given, { mirrors: [{ ...MIRROR, snaplen: 64 }] })).toEqual(["unfaithful", "snaplen"]);
  });

  it("names mirrors that end at one monitor when copies come twice", () => {
    const given = evidence(10);
    given.tally.in.duplicated = 4;
    const mirrors = [MIRROR, { ...MIRROR, name: "m2" }];
    expect(judged(given, { mirrors })).toEqual(["unfaithful", "several-mirrors", "duplicated"]);
  });

  it("notes an output that somebody uses as a port of his own", () => {
    const monitor = { ...FACTS.monitor, addresses: ["10.0.0.9/24"] };
    const { notes } = findCauses("faithful", evidence(10), { ...FACTS, monitor });
    expect(notes).toMatchObject([{ code: "output-in-use", message: expect.stringContaining("10.0.0.9/24") }]);
  });

  it("advises no other port where the output is a virtual machine's tap", () => {
    const hint = (machine: boolean) => {
      const monitor = { ...FACTS.monitor, learned: ["02:00:00:00:00:01"], machine };
      return findCauses("faithful", evidence(10), { ...FACTS, monitor }).notes[0]?.hint;
    };
    expect([hint(false), hint(true)]).toEqual(["use a port of its own as the output", null]);
  });
});

import { describe, expect, it } from "vitest";
import { ownerId } from "../../src/core/identity.ts";
import { planClean } from "../../src/mirror/clean.ts";
import { mirrorInfo, mirrorsOf } from "../../src/mirror/mirror-info.ts";
import type { BridgeRow, MirrorRow, PortRow, SwitchState } from "../../src/mirror/state.ts";

const DEAD = ownerId().replace(/^\d+:\d+/, "1:999999999");
const ELSEWHERE = ownerId().replace(/\/\d+$/, "/1");

const ids = (entries: Record<string, string> = {}) => new Map(Object.entries(entries));

function port(name: string, bridge = "br0", external: Record<string, string> = {}): PortRow {
  return {
    uuid: `uuid-${name}`,
    name,
    tag: null,
    vlanMode: null,
    trunks: [],
    interfaces: [],
    ids: ids(external),
    bridge,
  };
}

const HEALTHY: MirrorRow = {
  uuid: "uuid-m",
  name: "mirror-mon",
  bridge: "br0",
  selectAll: false,
  selectSrc: ["uuid-a"],
  selectDst: ["uuid-a", "uuid-b"],
  selectVlan: [200, 100],
  outputPort: "uuid-mon",
  outputVlan: null,
  snaplen: null,
  filter: null,
  statistics: new Map([
    ["tx_packets", 5],
    ["tx_bytes", 490],
  ]),
  ids: ids({ tapscope: "mirror", "tapscope-created": "1000" }),
};

function state(
  mirrors: readonly MirrorRow[],
  ports: readonly PortRow[] = [],
  bridge: Partial<BridgeRow> = {},
  applied = true,
): SwitchState {
  const all = [port("a"), port("b"), port("mon"), ...ports];
  const row: BridgeRow = {
    uuid: "uuid-br0",
    name: "br0",
    datapathType: "netdev",
    floodVlans: [],
    forwardBpdu: null,
    ids: ids(),
    ports: all.filter((one) => one.bridge === "br0"),
    mirrors,
    ...bridge,
  };
  return { bridges: [row], ports: new Map(all.map((one) => [one.uuid, one])), mirrors, applied, ovsVersion: null };
}

const health = (change: Partial<MirrorRow>, ports?: readonly PortRow[], applied = true, nowS = 1002) => {
  const row = { ...HEALTHY, ...change };
  return mirrorInfo(state([row], ports, {}, applied), row, nowS).health;
};

describe("a mirror's health", () => {
  it("is ok when packets were copied, and shows what is mirrored", () => {
    expect(mirrorsOf(state([HEALTHY]))).toEqual([
      {
        name: "mirror-mon",
        uuid: "uuid-m",
        bridge: "br0",
        all: false,
        sources: [
          { port: "a", direction: "both" },
          { port: "b", direction: "out" },
        ],
        once: false,
        vlans: [100, 200],
        not_vlans: [],
        snaplen: null,
        filter: null,
        output: "mon",
        output_vlan: null,
        packets: 5,
        bytes: 490,
        health: "ok",
        why: null,
        owned: true,
        owner: null,
      },
    ]);
  });

  it.each([
    ["waiting", { statistics: new Map([["tx_packets", 0]]) }],
    ["waiting", { statistics: new Map() }],
    ["waiting", { statistics: new Map(), ids: ids() }],
    ["dangling-output", { outputPort: null }],
    ["dangling-source", { selectSrc: [], selectDst: [] }],
    ["dangling-source", { ids: ids({ tapscope: "mirror", "tapscope-sources": "a:both gone:in" }) }],
    ["ok", { selectSrc: [], selectDst: [], selectAll: true }],
    ["ok", { outputPort: null, outputVlan: 500 }],
    ["not-applied", { outputPort: "uuid-a" }],
    ["stale", { ids: ids({ tapscope: "mirror", "tapscope-owner": DEAD }) }],
    ["stale", { outputPort: null, ids: ids({ tapscope: "mirror", "tapscope-owner": DEAD }) }],
    ["ok", { ids: ids({ tapscope: "mirror", "tapscope-owner": ELSEWHERE }) }],
  ] as const)("is %s: %j", (expected, change) => {
    expect(health(change)).toBe(expected);
  });

  it("is not-applied when OVS has had the time to count and has not, or has not even read it", () => {
    expect(health({ statistics: new Map() }, [], true, 1011)).toBe("not-applied");
    expect(health({ statistics: new Map() }, [], false)).toBe("not-applied");
  });

  it("is not-applied across bridges", () => {
    const far = port("far", "br1");
    expect(health({ outputPort: far.uuid }, [far])).toBe("not-applied");
    expect(health({ selectSrc: [far.uuid] }, [far])).toBe("not-applied");
  });

  it("is not-applied for a mirror too many", () => {
    const many = Array.from({ length: 33 }, (_, n) => ({
      ...HEALTHY,
      uuid: `u${n}`,
      statistics: n < 32 ? HEALTHY.statistics : new Map(),
    }));
    const healths = mirrorsOf(state(many), 1002).map((mirror) => mirror.health);
    expect(healths.filter((one) => one === "ok")).toHaveLength(32);
    expect(healths[32]).toBe("not-applied");
  });
});

const NOBODY = new Map<string, string>();

describe("clean", () => {
  const made = (name: string, owner?: string) =>
    port(name, "br0", { tapscope: "monitor", ...(owner ? { "tapscope-owner": owner } : {}) });

  it("takes what the dead left, and leaves the living, the unseen and the foreign", () => {
    const stale = {
      ...HEALTHY,
      uuid: "uuid-stale",
      name: "stale",
      ids: ids({ tapscope: "mirror", "tapscope-owner": DEAD, "tapscope-port": "dead0" }),
    };
    const foreign = { ...HEALTHY, uuid: "uuid-foreign", name: "m_eth0", ids: ids({ "skydive-probe-id": "x" }) };
    const before = state(
      [HEALTHY, stale, foreign],
      [made("dead0", DEAD), made("live0", ownerId()), made("far0", ELSEWHERE), made("kept0")],
    );
    const plan = planClean(before, {}, NOBODY);
    expect(plan).toMatchObject({ mirrors: ["stale"], ports: ["dead0"], bridges: [], restored: [], refresh: ["br0"] });
    expect(plan.kept.map(({ name }) => name)).toEqual(["live0", "far0"]);
    expect(plan.commands).toEqual([
      ["remove", "bridge", "br0", "mirrors", "uuid-stale"],
      ["--if-exists", "del-port", "br0", "dead0"],
      ["--if-exists", "del-port", "br0", "dead0"],
    ]);
  });

  it("with --all takes everything of ours but what a living process uses", () => {
    const before = state([HEALTHY], [made("live0", ownerId()), made("far0", ELSEWHERE), made("kept0")], {
      ids: ids({ tapscope: "bridge" }),
    });
    const plan = planClean(before, { all: true }, NOBODY);
    expect(plan).toMatchObject({ mirrors: ["mirror-mon"], ports: ["far0", "kept0"], bridges: [] });
    expect(plan.kept.map(({ name }) => name)).toEqual(["live0", "br0"]);
    const alone = planClean(
      { ...before, bridges: [{ ...before.bridges[0]!, ports: [made("kept0")], mirrors: [] }], mirrors: [] },
      { all: true },
      NOBODY,
    );
    expect(alone.commands.at(-1)).toEqual(["--if-exists", "del-br", "br0"]);
  });

  it("takes mirrors of ours that mirror nothing, and gives settings back that a killed refresh left", () => {
    const useless = { ...HEALTHY, outputPort: null };
    const half = { ...HEALTHY, uuid: "u2", ids: ids({ tapscope: "mirror", "tapscope-sources": "a:both gone:in" }) };
    const plan = planClean(
      state([useless, half], [], { ids: ids({ "tapscope-bpdu-before": "" }), forwardBpdu: "true" }),
      {},
      NOBODY,
    );
    expect(plan).toMatchObject({ mirrors: ["mirror-mon"], restored: ["br0"] });
    expect(plan.commands).toContainEqual(["remove", "bridge", "br0", "other_config", "forward-bpdu"]);
  });

  it("leaves what live processes hold, and says so where it would go, unless it is forced", () => {
    const tap = (name: string) => port(name, "br0", { tapscope: "tap" });
    const before = state([], [tap("vm_a"), tap("spare")], { ids: ids({ tapscope: "bridge" }) });
    const held = new Map([["vm_a", "qemu-system-x86 (pid 7) holds it"]]);
    expect(planClean(before, {}, held)).toMatchObject({ ports: [], kept: [] });
    expect(planClean(before, { all: true }, held)).toMatchObject({
      ports: ["spare"],
      bridges: [],
      kept: [{ name: "vm_a", why: "qemu-system-x86 (pid 7) holds it" }, { name: "br0" }],
    });
    expect(planClean(before, { all: true, force: true }, held).ports).toEqual(["vm_a", "spare"]);
  });

  it("has nothing to do on a switch without leftovers", () => {
    expect(planClean(state([HEALTHY]), {}, NOBODY).commands).toEqual([]);
  });
});

import { describe, expect, it } from "vitest";
import type { TapscopeError } from "../../src/core/errors.ts";
import { type MirrorFacts, talking } from "../../src/mirror/mirror-facts.ts";
import { MAX_MIRRORS, mirrorInfo } from "../../src/mirror/mirror-info.ts";
import { optionsText } from "../../src/mirror/mirror-options.ts";
import { type MirrorPlan, planMirror } from "../../src/mirror/mirror-plan.ts";
import type { MirrorRequest } from "../../src/mirror/mirror-request.ts";
import type { MirrorRow, PortRow } from "../../src/mirror/state.ts";
import { aDevice, aMirror, anInterface, aPort, aState, ids, outputFacts, theFacts } from "./fixtures.ts";

const PORTS = [
  aPort("br0"),
  aPort("a", { tag: 100 }),
  aPort("b", { tag: 100 }),
  aPort("c", { tag: 200 }),
  aPort("mon"),
];
const REQUEST: MirrorRequest = { sources: ["a"], output: { port: "mon" } };

interface Given {
  readonly request?: Partial<MirrorRequest>;
  readonly facts?: Partial<MirrorFacts>;
  readonly ports?: readonly PortRow[];
  readonly mirrors?: readonly MirrorRow[];
}

const plan = ({ request, facts, ports = [], mirrors = [] }: Given) =>
  planMirror(aState([...PORTS, ...ports], mirrors), theFacts(facts), { ...REQUEST, ...request });

function planned(given: Given): MirrorPlan {
  const result = plan(given);
  if ("refusal" in result) throw result.refusal;
  return result.plan;
}

function refused(given: Given): TapscopeError {
  const result = plan(given);
  if ("plan" in result) throw new Error(`not refused: ${JSON.stringify(result.plan)}`);
  return result.refusal;
}

/** The columns of the mirror that a plan makes. */
const columns = (given: Given) =>
  planned(given)
    .commands.find((command) => command.includes("create"))!
    .slice(3);

const PATCH = aPort("patch0", { interfaces: [anInterface("patch0", "patch")] });
const TAP = [aPort("tap0", { interfaces: [anInterface("tap0", "")] })];
const toTap: Partial<MirrorRequest> = { output: { port: "tap0" } };
const REMOTE = { remote: { type: "gre", remoteIp: "192.0.2.1" } } as const;

describe("a mirror that cannot be", () => {
  const rows: readonly (readonly [what: string, code: string, words: string, given: Given])[] = [
    ["a source that is the output", "E_USAGE", "cannot mirror tap to itself", { request: { sources: ["mon"] } }],
    ["no source", "E_USAGE", "it has no source", { request: { sources: [] } }],
    ["an unknown source", "E_NO_SOURCE", "no port is called nosuch", { request: { sources: ["nosuch"] } }],
    [
      "a member of a bond as source",
      "E_BOND_MEMBER",
      "bn0 is a member of bond bond0",
      {
        request: { sources: ["bn0"] },
        ports: [aPort("bond0", { interfaces: [anInterface("bn0"), anInterface("bn1")] })],
      },
    ],
    ["an unknown output", "E_NO_OUTPUT", "no port is called nosuch", { request: { output: { port: "nosuch" } } }],
    [
      "ports of two bridges",
      "E_OTHER_BRIDGE",
      "br1 and br0",
      { request: { sources: ["far"] }, ports: [aPort("far", { bridge: "br1" })] },
    ],
    [
      "an unknown bridge",
      "E_NO_BRIDGE",
      "nobr",
      { request: { sources: [], all: true, bridge: "nobr", output: { vlan: 5 } } },
    ],
    [
      "no bridge that is clear",
      "E_USAGE",
      "which bridge is meant",
      { request: { sources: [], all: true, output: { vlan: 5 } }, ports: [aPort("far", { bridge: "br1" })] },
    ],
    [
      "one mirror too many",
      "E_TOO_MANY_MIRRORS",
      "no more than 32",
      { mirrors: Array.from({ length: MAX_MIRRORS }, (_, n) => aMirror(`m${n}`)) },
    ],
    ["a snaplen below 14", "E_USAGE", "14 to 65535", { request: { snaplen: 13 } }],
    ["a VLAN that is none", "E_USAGE", "0 to 4095", { request: { vlans: [4096] } }],
    ["an output VLAN that is none", "E_USAGE", "1 to 4095", { request: { output: { vlan: 0 } } }],
    ["VLANs chosen and left out", "E_USAGE", "not both", { request: { vlans: [1], notVlans: [2] } }],
    ["--all with a source", "E_USAGE", "a cannot be a source besides", { request: { all: true } }],
    ["--once with a source", "E_USAGE", "--once chooses the sources itself", { request: { once: true } }],
    [
      "--once with a direction",
      "E_USAGE",
      "it has no --direction",
      { request: { sources: [], once: true, direction: "out" } },
    ],
    [
      "--once for VLANs that nobody carries",
      "E_NO_SOURCE",
      "no port of the bridge carries these VLANs",
      {
        request: { sources: [], once: true, vlans: [7], bridge: "br1", output: { vlan: 5 } },
        ports: [aPort("far", { bridge: "br1", tag: 6 })],
      },
    ],
    [
      "an output that is one already",
      "E_MIRROR_OUTPUT_BUSY",
      "mon is the output of m",
      { mirrors: [aMirror("m", { outputPort: "uuid-mon" })] },
    ],
    [
      "a loop, even by force",
      "E_MIRROR_LOOP",
      "mon would feed itself through mirror m",
      { request: { force: true }, mirrors: [aMirror("m", { selectSrc: ["uuid-mon"], outputPort: "uuid-a" })] },
    ],
    [
      "an output that a mirror copies",
      "E_MIRROR_OUTPUT_IS_SOURCE",
      "mon is itself a source of mirror m",
      { mirrors: [aMirror("m", { selectDst: ["uuid-mon"], outputPort: "uuid-b" })] },
    ],
    [
      "an output into another bridge",
      "E_MIRROR_OUTPUT_PATCH",
      "leads into another bridge",
      { request: { output: { port: "patch0" } }, ports: [PATCH] },
    ],
    [
      "an output with an address",
      "E_MIRROR_OUTPUT_LIVE",
      "it has the address 10.0.0.1/24",
      {
        facts: {
          output: outputFacts({
            device: aDevice("mon", { addresses: [{ ip: "10.0.0.1", prefix: 24, scope: "global" }] }),
          }),
        },
      },
    ],
    [
      "an output in another namespace",
      "E_MIRROR_OUTPUT_LIVE",
      "it was moved into a",
      { facts: { output: outputFacts({ device: aDevice("mon", { place: { netns: "a" } }), atHome: false }) } },
    ],
    [
      "an output somebody talks through",
      "E_MIRROR_OUTPUT_LIVE",
      "02:00:00:00:00:0a talked through it",
      { facts: { output: outputFacts({ learned: ["02:00:00:00:00:0a"], conversations: ["02:00:00:00:00:0a"] }) } },
    ],
    [
      "an output that is up and has no carrier",
      "E_MIRROR_OUTPUT_NO_CARRIER",
      "mon has no carrier",
      { facts: { output: outputFacts({ device: aDevice("mon", { carrier: false }) }) } },
    ],
    [
      "a tap that is down and that no process holds: nothing is brought up first",
      "E_MIRROR_OUTPUT_NO_CARRIER",
      "tap0 has no carrier",
      {
        request: toTap,
        ports: TAP,
        facts: { output: outputFacts({ device: aDevice("tap0", { up: false, carrier: true }) }) },
      },
    ],
    [
      "a filter on a switch that has none",
      "E_NO_MIRROR_FILTER",
      "this Open vSwitch cannot filter mirrors",
      { request: { filter: "icmp" }, facts: { filter: { possible: false, error: null } } },
    ],
    [
      "a filter that OVS does not understand",
      "E_USAGE",
      "not a filter for a mirror: 'x': unknown keyword",
      { request: { filter: "x" }, facts: { filter: { possible: true, error: "unknown keyword" } } },
    ],
    ["a filter on in_port", "E_USAGE", "in_port cannot be matched", { request: { filter: "in_port=1" } }],
    [
      "copies that would leave by a mirrored port",
      "E_MIRROR_LOOP",
      "would leave by a, which is itself mirrored",
      { request: { output: REMOTE }, facts: { route: "a", output: null } },
    ],
  ];

  it.each(rows)("is refused: %s", (_, code, words, given) => {
    const error = refused(given);
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
  });

  it("gets a hint that names where to filter instead", () => {
    const error = refused({ request: { filter: "icmp" }, facts: { filter: { possible: false, error: null } } });
    expect(error.hint).toContain("--filter-at-capture");
  });
});

describe("a mirror's plan", () => {
  it("is one transaction that names each port once, and marks the mirror as ours", () => {
    expect(planned({})).toEqual({
      bridge: "br0",
      prepare: [],
      commands: [
        ["--id=@p0", "get", "port", "a"],
        ["--id=@p1", "get", "port", "mon"],
        [
          ...["--id=@m", "create", "mirror", "name=mirror-mon", "select_src_port=@p0", "select_dst_port=@p0"],
          ...["output_port=@p1", "external_ids:tapscope=mirror", "external_ids:tapscope-created=1000"],
          'external_ids:tapscope-sources="a:both"',
        ],
        ["add", "bridge", "br0", "mirrors", "@m"],
      ],
      finish: [],
      made: null,
      warnings: [expect.stringContaining("--strip-vlan")],
    });
  });

  it("brings up what is down, silently, and gives a made port back its silence too", () => {
    const down = { output: outputFacts({ device: aDevice("mon", { up: false }), holder: null, seesAll: false }) };
    expect(planned({ facts: down }).prepare).toEqual([
      "link set dev mon addrgenmode none",
      "link set dev mon up promisc on",
    ]);
    expect(planned({ facts: { ...down, ipv6: false } }).prepare).toEqual(["link set dev mon up promisc on"]);
    const made = planned({ request: { output: { monitor: "ts-mon0" } }, facts: { output: null } });
    expect(made.finish).toEqual(["link set dev ts-mon0 addrgenmode none", "link set dev ts-mon0 up promisc on"]);
    expect(made.commands[0]).toEqual(expect.arrayContaining(["add-port", "br0", "ts-mon0"]));
  });

  it("takes the tap of a virtual machine that sent multicast only, with a warning", () => {
    const holder = { tap: "tap0", pid: 77, program: "qemu-system-x86" };
    const facts = { output: outputFacts({ device: aDevice("tap0"), holder, learned: ["02:00:00:00:00:0a"] }) };
    const { warnings } = planned({ request: { ...toTap, stripVlan: true }, ports: TAP, facts });
    expect(warnings).toEqual([
      expect.stringContaining("qemu-system-x86 (pid 77) sent multicast and broadcast frames only"),
    ]);
  });

  it("says that copies on a trunk are tagged, unless they are not", () => {
    const tagged = (given: Given) => planned(given).warnings.some((line) => line.includes("icmp or (vlan and icmp)"));
    expect(tagged({})).toBe(true);
    expect(tagged({ request: { stripVlan: true } })).toBe(false);
    expect(tagged({ request: { sources: ["plain"] }, ports: [aPort("plain")] })).toBe(false);
    expect(tagged({ request: { output: { port: "access" } }, ports: [aPort("access", { tag: 5 })] })).toBe(false);
  });

  it("copies each frame once by the ports of the VLANs, trunks included, where it enters", () => {
    const ports = [aPort("t1", { trunks: [100, 300] }), aPort("t2", { trunks: [300] })];
    const once = planned({ request: { sources: [], once: true, vlans: [100] }, ports });
    const taken = once.commands.filter((command) => command[1] === "get").map((command) => command[3]);
    expect(taken).toEqual(["br0", "a", "b", "t1", "mon"]);
    const words = once.commands.at(-2)!;
    expect(words).toContain("select_src_port=@p0,@p1,@p2,@p3");
    expect(words.join(" ")).not.toContain("select_dst_port");
    expect(words).toContain("select_vlan=100");
    expect(once.warnings.join("\n")).toContain("a tunnel or a patch port");
  });

  it("leaves VLANs out without showing four thousand numbers", () => {
    const word = columns({ request: { notVlans: [100, 7] } }).find((column) => column.startsWith("select_vlan="))!;
    const selected = word.slice("select_vlan=".length).split(",").map(Number);
    expect(selected).toHaveLength(4094);
    const row = aMirror("m", {
      selectVlan: selected,
      selectSrc: ["uuid-a"],
      outputPort: "uuid-mon",
      ids: ids({ tapscope: "mirror" }),
    });
    const info = mirrorInfo(aState(PORTS, [row]), row, 1000);
    expect(info).toMatchObject({ vlans: [], not_vlans: [7, 100] });
    expect(optionsText(info)).toBe("all VLANs but 7,100");
  });

  it("shows VLANs, snaplen and filter", () => {
    const row = aMirror("m", { selectVlan: [200, 100], snaplen: 128, filter: "icmp" });
    expect(optionsText(mirrorInfo(aState(PORTS, [row]), row, 1000))).toBe("VLAN 100,200, first 128 bytes, filter icmp");
  });

  it("goes on with force where the output is in use", () => {
    const facts = {
      output: outputFacts({ conversations: ["02:00:00:00:00:0a"], device: aDevice("mon", { carrier: false }) }),
    };
    expect(planned({ request: { force: true }, facts }).commands.length).toBeGreaterThan(0);
  });
});

describe("who talks, by the datapath's flows", () => {
  const FLOWS = `recirc_id(0),in_port(2),packet_type(ns=0,id=0),eth(src=02:00:00:00:00:0a,dst=33:33:00:00:00:02),eth_type(0x86dd),ipv6(frag=no), packets:3, bytes:210, used:1.2s, actions:1,3
recirc_id(0),in_port(3),packet_type(ns=0,id=0),eth(src=02:00:00:00:00:0b,dst=02:00:00:00:00:0c),eth_type(0x0800),ipv4(frag=no), packets:9, bytes:882, used:0.1s, actions:4
recirc_id(0),in_port(4),packet_type(ns=0,id=0),eth(src=02:00:00:00:00:0d,dst=ff:ff:ff:ff:ff:ff),eth_type(0x0806), packets:1, bytes:42, used:0.1s, actions:1`;

  it("is who sends or gets unicast frames", () => {
    expect(talking(FLOWS, ["02:00:00:00:00:0a"])).toEqual([]);
    expect(talking(FLOWS, ["02:00:00:00:00:0d"])).toEqual([]);
    expect(talking(FLOWS, ["02:00:00:00:00:0b", "02:00:00:00:00:0a"])).toEqual(["02:00:00:00:00:0b"]);
    expect(talking(FLOWS, ["02:00:00:00:00:0c"])).toEqual(["02:00:00:00:00:0c"]);
  });
});

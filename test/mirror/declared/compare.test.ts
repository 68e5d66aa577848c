import { describe, expect, it } from "vitest";
import { compareMirror } from "../../../src/mirror/declared/compare.ts";
import { resolveRequest } from "../../../src/mirror/mirror-plan.ts";
import type { MirrorRequest } from "../../../src/mirror/mirror-request.ts";
import { parseComments } from "../../../src/mirror/ovsdb/log.ts";
import { otherVlans } from "../../../src/mirror/vlans.ts";
import { aMirror, aPort, aState, ids } from "../fixtures.ts";

const PORTS = [aPort("a", { tag: 100 }), aPort("b"), aPort("mon"), aPort("mon2")];
const ROW = aMirror("m", {
  selectSrc: ["uuid-a"],
  selectDst: ["uuid-a"],
  outputPort: "uuid-mon",
  selectVlan: [100],
  snaplen: 99,
  ids: ids({ tapscope: "mirror" }),
});
const REQUEST: MirrorRequest = { sources: ["a"], output: { port: "mon" }, vlans: [100], snaplen: 99 };

const compare = (change: Partial<MirrorRequest>) =>
  compareMirror(aState(PORTS, [ROW]), ROW, resolveRequest(aState(PORTS), { ...REQUEST, ...change }));
const words = (change: Partial<MirrorRequest>) =>
  compare(change)
    ?.commands?.slice(0, -1)
    .map((command) => command.join(" ").replace("mirror uuid-m ", ""));

describe("a declared mirror and the one that is there", () => {
  it("are the same where nothing differs", () => {
    expect(compare({})).toBeUndefined();
    expect(compare({ vlans: [100], notVlans: [] })).toBeUndefined();
  });

  it.each<[Partial<MirrorRequest>, string[], string[]]>([
    [{ sources: ["a", "b"] }, ["sources"], ["set select_src_port=uuid-a,uuid-b", "set select_dst_port=uuid-a,uuid-b"]],
    [{ direction: "in" }, ["sources"], ["clear select_dst_port"]],
    [
      { sources: [], all: true },
      ["sources"],
      ["clear select_src_port", "clear select_dst_port", "set select_all=true"],
    ],
    [{ snaplen: 128 }, ["snaplen"], ["set snaplen=128"]],
    [{ snaplen: undefined, vlans: [] }, ["vlans", "snaplen"], ["clear select_vlan", "clear snaplen"]],
    [{ output: { port: "mon2" } }, ["output"], ["set output_port=uuid-mon2"]],
    [{ vlans: [], notVlans: [7] }, ["vlans", "notVlans"], [`set select_vlan=${otherVlans([7]).join(",")}`]],
  ])("differ in place: %j", (change, what, commands) => {
    expect(compare(change)?.what).toEqual(what);
    expect(words(change)).toEqual(commands);
  });

  it.each<[Partial<MirrorRequest>, string[]]>([
    [{ stripVlan: true }, ["strip_vlan"]],
    [{ output: { vlan: 5 } }, ["output"]],
    [{ output: { remote: { type: "gre", remoteIp: "192.0.2.1" } } }, ["output"]],
  ])("differ so that it is made anew: %j", (change, what) => {
    expect(compare(change)).toEqual({ what, commands: null });
  });
});

describe("the database's own log", () => {
  it("says who changed it", () => {
    const text = `rubbish","x":1}
OVSDB JSON 1 2
{"_date":5,"_comment":"ovs-vsctl (invoked by bash): ovs-vsctl clear bridge br0 mirrors","Bridge":{}}
OVSDB JSON 1 2
{"_date":6,"Open_vSwitch":{}}
{"_date":"x","_comment":7}
{"_comment"
`;
    expect(parseComments(text)).toEqual([
      { timeMs: 5, text: "ovs-vsctl (invoked by bash): ovs-vsctl clear bridge br0 mirrors" },
    ]);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../../src/core/errors.ts";
import { parseDeclared } from "../../../src/mirror/declared/document.ts";
import { exportMirrors } from "../../../src/mirror/declared/export.ts";
import { aMirror, aPort, aState, ids } from "../fixtures.ts";

const one = (yaml: string) => parseDeclared(`mirrors:\n  - ${yaml.trim().replaceAll("\n", "\n    ")}\n`, "f.yaml")[0]!;

describe("a file of declared mirrors", () => {
  it("is read from YAML", () => {
    expect(
      one(`
name: lan
sources: [vm:A, {port: mega_tap1, direction: in}]
output: vm:monitor
vlans: [100, LAN]
snaplen: 128
strip_vlan: true`),
    ).toEqual({
      name: "lan",
      bridge: undefined,
      all: false,
      once: false,
      sources: [
        { port: "vm:A", direction: "both" },
        { port: "mega_tap1", direction: "in" },
      ],
      output: { port: "vm:monitor" },
      stripVlan: true,
      force: false,
      options: new Map([
        ["vlans", "100,LAN"],
        ["snaplen", "128"],
      ]),
    });
  });

  it("is read from JSON, with the other kinds of outputs and sources", () => {
    const text = JSON.stringify({
      mirrors: [
        { name: "a", all: true, bridge: "br0", output: { vlan: 500 }, not_vlans: 7 },
        { name: "b", once: true, output: { to: "gre:192.0.2.1:7" } },
      ],
    });
    expect(parseDeclared(text, "f.json")).toMatchObject([
      { all: true, bridge: "br0", output: { vlan: 500 }, options: new Map([["notVlans", "7"]]) },
      { once: true, output: { remote: { type: "gre", remoteIp: "192.0.2.1", key: 7 } } },
    ]);
  });

  it.each([
    ["", "it has no list 'mirrors'"],
    ["mirrors: 7", "it has no list 'mirrors'"],
    ["mirrors: [a]", "mirrors[0]: it is not a mapping"],
    ["mirrors: [{name: a, sorces: [x], output: y}]", "mirrors[0].sorces: there is no such key: one of name, "],
    ["mirrors: [{sources: [x], output: y}]", "mirrors[0].name: a text is wanted"],
    ["mirrors: [{name: a, output: y}]", "mirrors[0].sources: at least one is wanted"],
    ["mirrors: [{name: a, sources: [x]}]", "mirrors[0].output: a port is wanted"],
    ["mirrors: [{name: a, sources: [x], output: {vlan: 5, to: x}}]", "mirrors[0].output"],
    ["mirrors: [{name: a, sources: [x], output: {vlan: 4096}}]", "1 to 4095"],
    ["mirrors: [{name: a, sources: [{port: x, direction: rx}], output: y}]", "direction is in, out or both"],
    ["mirrors: [{name: a, sources: [x], output: y, all: yes please}]", "true or false is wanted"],
    ["mirrors: [{name: a, sources: [x], all: true, output: y}]", "there are none with all or once"],
    ["mirrors: [{name: a, sources: [x], output: y}, {name: a, sources: [x], output: z}]", "two mirrors are called 'a'"],
    ["mirrors: [{name: a, sources: [x], output: y, vlans: {a: 1}}]", "mirrors[0].vlans: numbers or texts are wanted"],
    ["mirrors: [", "f.yaml: "],
    ["a: &a [x]\nb: *nosuch", "f.yaml: "],
  ])("is refused where it is wrong: %j", (text, words) => {
    expect(() => parseDeclared(text, "f.yaml")).toThrow(UsageError);
    expect(() => parseDeclared(text, "f.yaml")).toThrow(words);
  });

  it("does not grow without end by aliases", () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${"bcdefghi"
      .split("")
      .map((c, i) => `${c}: &${c} [${`*${"abcdefghi"[i]},`.repeat(9)}]`)
      .join("\n")}\nmirrors: *i`;
    expect(() => parseDeclared(bomb, "f.yaml")).toThrow(UsageError);
  });

  it("is read or refused, whatever it holds", () => {
    const values = fc.letrec((tie) => ({
      value: fc.oneof(
        fc.string(),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie("value"), { maxLength: 3 }),
        tie("object"),
      ),
      object: fc.dictionary(
        fc.constantFrom(
          "name",
          "sources",
          "output",
          "vlans",
          "snaplen",
          "all",
          "once",
          "filter",
          "port",
          "direction",
          "to",
          "vlan",
        ),
        tie("value"),
        { maxKeys: 5 },
      ),
    }));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          values.object.map((entry) => JSON.stringify({ mirrors: [entry] })),
        ),
        (text) => {
          try {
            for (const { name, sources } of parseDeclared(text, "f"))
              expect(typeof name === "string" && Array.isArray(sources)).toBe(true);
          } catch (error) {
            expect(error).toBeInstanceOf(UsageError);
          }
        },
      ),
    );
  });
});

describe("the export of mirrors", () => {
  const PORTS = [aPort("a", { tag: 100 }), aPort("b"), aPort("mon")];
  const ROW = aMirror("m", {
    selectSrc: ["uuid-a", "uuid-b"],
    selectDst: ["uuid-a"],
    outputPort: "uuid-mon",
    selectVlan: [100],
    snaplen: 99,
    ids: ids({ tapscope: "mirror" }),
  });

  it("can be read again, machines by their names", () => {
    const { text, left } = exportMirrors(aState(PORTS, [ROW]), (port) => (port === "a" ? "vm:A" : port));
    expect(left).toEqual([]);
    expect(parseDeclared(text, "f")).toMatchObject([
      {
        name: "m",
        sources: [
          { port: "vm:A", direction: "both" },
          { port: "b", direction: "in" },
        ],
        output: { port: "mon" },
        options: new Map([
          ["vlans", "100"],
          ["snaplen", "99"],
        ]),
      },
    ]);
  });

  it("leaves out what no file can declare, and says why", () => {
    const gone = aMirror("gone", { selectSrc: ["uuid-a"] });
    const rspan = aMirror("rspan", { selectAll: true, outputVlan: 500 });
    const { text, left } = exportMirrors(aState(PORTS, [gone, rspan]), (port) => port);
    expect(left).toEqual([{ name: "gone", why: "its output is gone" }]);
    expect(parseDeclared(text, "f")).toMatchObject([
      { name: "rspan", all: true, bridge: "br0", output: { vlan: 500 } },
    ]);
  });
});

/**
 * Every 5-tuple of conv.tsv (from tshark, checked against other tools): packets, frame bytes, IP bytes, payload each way, first
 * and last time, for the outermost and the innermost layer. Sums over the connections a 5-tuple was split into. What
 * differs is put into a named class; docs/reference/conn-records.md explains them.
 */
import { existsSync } from "node:fs";
import { expect, it } from "vitest";
import { readCapture } from "../../src/capture/source/file.ts";
import { formatIpv4, formatIpv6 } from "../../src/core/address.ts";
import type { Rows } from "../../src/engine/host/rows.ts";
import { describeUnless } from "../describe-unless.ts";
import { Probe } from "../engine/probe.ts";
import { corpusLack, corpusPath, formatClasses, readTable } from "./corpus.ts";

interface Sums {
  /** By sender `address port`: packets, frame bytes, IP bytes, payload. */
  readonly sides: Map<string, number[]>;
  first: bigint;
  last: bigint;
  fragments: number;
}

function sumsFor(all: Map<string, Sums>, key: string): Sums {
  let sums = all.get(key);
  if (!sums) {
    sums = { sides: new Map(), first: 1n << 80n, last: -(1n << 80n), fragments: 0 };
    all.set(key, sums);
  }
  return sums;
}

function addSide(sums: Sums, side: string, values: readonly number[]): void {
  const old = sums.sides.get(side) ?? [0, 0, 0, 0];
  sums.sides.set(
    side,
    old.map((value, i) => value + values[i]!),
  );
}

const keyOf = (protocol: string, a: string, b: string) => `${protocol} ${[a, b].sort().join(" ")}`;

/** Protocols whose ports tshark's conversations did not give. */
const portless = new Set(["33"]);

/** One engine for the outermost layer of each packet, one for the innermost. */
async function measure(path: string) {
  const probes = { outer: new Probe(TABLE), inner: new Probe(TABLE) };
  const summary = await readCapture(path, (frame) => {
    const { data, offset, caplen, origLen, linktype, fcsLength } = frame;
    const bytes = data.subarray(offset, offset + caplen);
    const time = BigInt(frame.sec) * 1_000_000_000n + BigInt(frame.nsec);
    for (const [name, probe] of Object.entries(probes)) {
      const innermost = Number(name === "inner");
      probe.call("probeLayer", probe.put(bytes), caplen, origLen, time, linktype, fcsLength, innermost);
      probe.view.refresh();
    }
  });
  for (const probe of Object.values(probes)) probe.call("endCapture");
  const malformed = probes.inner.count("malformed");
  const fragments = probes.inner.count("fragments");
  return { tables: { outer: probes.outer.rows, inner: probes.inner.rows }, state: { malformed, fragments }, summary };
}

const TABLE = { keepEnded: true, maxFlows: 4_000_000 } as const;

function sumsOf(table: Rows): Map<string, Sums> {
  const all = new Map<string, Sums>();
  const address = (row: number, orig: boolean) => {
    const word = (i: number) => table.addressWord(row, orig, i);
    return table.isV6(row) ? formatIpv6(word(0), word(1), word(2), word(3)) : formatIpv4(word(0));
  };
  for (let row = 0; row < table.rows; row++) {
    const protocol = String(table.protocol(row));
    const side = (orig: boolean) => `${address(row, orig)} ${portless.has(protocol) ? 0 : table.port(row, orig)}`;
    const sums = sumsFor(all, keyOf(protocol, side(true), side(false)));
    for (const orig of [true, false]) {
      addSide(sums, side(orig), [
        table.packets(row, orig),
        table.wireBytes(row, orig),
        table.ipBytes(row, orig),
        table.payloadBytes(row, orig),
      ]);
    }
    const first = table.firstNs(row);
    const last = table.lastNs(row);
    if (first < sums.first) sums.first = first;
    if (last > sums.last) sums.last = last;
    sums.fragments += table.fragments(row);
  }
  return all;
}

function expectedSums(rows: readonly Record<string, string>[]): Map<string, Sums> {
  const all = new Map<string, Sums>();
  for (const row of rows) {
    const a = `${row.a} ${row.aport || 0}`;
    const b = `${row.b} ${row.bport || 0}`;
    const sums = sumsFor(all, keyOf(row.proto!, a, b));
    const pick = (way: string) =>
      ["pkts", "frame_bytes", "ip_bytes", "payload"].map((name) => Number(row[`${name}_${way}`]));
    addSide(sums, a, pick("ab"));
    addSide(sums, b, pick("ba"));
    if (BigInt(row.first_ns!) < sums.first) sums.first = BigInt(row.first_ns!);
    if (BigInt(row.last_ns!) > sums.last) sums.last = BigInt(row.last_ns!);
    sums.fragments += Number(row.frag_pkts || 0);
  }
  return all;
}

/** Which of the values differ, over both sides. */
function differing(want: Sums, got: Sums): string[] {
  const names = ["packets", "frame", "ip", "payload"];
  const found = new Set<string>();
  for (const [side, values] of want.sides) {
    const others = got.sides.get(side) ?? [0, 0, 0, 0];
    for (let i = 0; i < 4; i++) if (values[i] !== others[i]) found.add(names[i]!);
  }
  if (want.first !== got.first || want.last !== got.last) found.add("time");
  return [...found];
}

describeUnless(corpusLack, "conversations of the corpus", () => {
  it("agrees with the reference in packets, bytes and times of every 5-tuple, or the difference has a name", {
    timeout: 300_000,
  }, async () => {
    const byFile = new Map<string, Record<string, string>[]>();
    for (const row of readTable("conv.tsv")) {
      const list = byFile.get(row.file!) ?? [];
      list.push(row);
      byFile.set(row.file!, list);
    }
    const classes = new Map<string, number>();
    const unexplained: string[] = [];
    let compared = 0;
    for (const [file, rows] of byFile) {
      const path = corpusPath(`captures/${file}`);
      if (!existsSync(path)) continue;
      const { tables, state, summary } = await measure(path);
      for (const variant of ["outer", "inner"] as const) {
        const want = expectedSums(rows.filter((row) => row.variant === variant));
        const got = sumsOf(tables[variant]);
        for (const [key, sums] of want) {
          compared++;
          const ours = got.get(key);
          const different = ours ? differing(sums, ours) : ["absent"];
          const name = classify(different, { key, variant, sums, ours, ...state, status: summary.status });
          classes.set(name, (classes.get(name) ?? 0) + 1);
          if (name === "unexplained") unexplained.push(`${file} ${variant} ${key}: ${different.join(" ")}`);
        }
      }
    }
    const equal = classes.get("equal") ?? 0;
    console.log(
      `conv.tsv: ${equal} of ${compared} equal (${((equal / compared) * 100).toFixed(2)} %): ${formatClasses(classes)}`,
    );
    expect(unexplained).toEqual([]);
    expect(compared).toBeGreaterThan(8000);
    expect(equal / compared).toBeGreaterThan(0.95);
  });
});

interface Case {
  readonly key: string;
  readonly variant: string;
  readonly sums: Sums;
  readonly ours: Sums | undefined;
  readonly malformed: number;
  readonly fragments: number;
  readonly status: string;
}

function classify(different: readonly string[], c: Case): string {
  const protocol = c.key.split(" ")[0]!;
  const only = (...names: string[]) => different.every((name) => names.includes(name));
  const absent = different[0] === "absent";
  const portless = / 0 \S+ 0$/.test(c.key);
  if (different.length === 0) return "equal";
  if (c.status === "unsupported") return "file not read";
  if (c.fragments > 0 && (c.sums.fragments > 0 || (c.ours?.fragments ?? 0) > 0 || c.variant === "inner"))
    return "fragment";
  // conv.tsv has no payload for SCTP, counts extension headers as payload of ICMPv6, and cuts to shims' lengths.
  if (only("payload") && c.malformed === 0) return "payload-meaning";
  if (only("payload") && ["132", "58", "33", "136"].includes(protocol)) return "payload-meaning";
  // Segmentation offload leaves an IP length of 0, which counts as 0 here and in Zeek.
  if (only("ip", "payload")) return "offload";
  if (["51", "50", "135"].includes(protocol) || (c.variant === "outer" && absent && protocol === "1"))
    return "ipsec-and-mobility";
  if (c.malformed > 0 || c.status !== "ok") return "malformed";
  // CAPWAP, sFlow samples, PIM registers, OpenFlow packet-ins, GTP': tshark looks into them.
  if (c.variant === "inner") return "other-tunnel";
  if (only("time", "frame")) return "impossible-clock";
  if (absent && portless) return "ports-not-seen";
  // A link or shim that is not followed: MACsec, Juniper headers.
  return absent ? "other-link" : "unexplained";
}

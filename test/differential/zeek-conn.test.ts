/**
 * Zeek's own expected conn.logs, row by row: originator, state, history, packets, bytes, duration. What is not equal falls into a
 * named class, explained in docs/reference/conn-records.md.
 */
import { existsSync } from "node:fs";
import { expect, it } from "vitest";
import { readConnections } from "../../src/capture/read-connections.ts";
import type { ConnectionRecord } from "../../src/engine/host/connection-record.ts";
import { describeUnless } from "../describe-unless.ts";
import { corpusLack, corpusPath, formatClasses, readJson } from "./corpus.ts";

type ZeekRow = Record<string, string | number | boolean | null>;

interface Baseline {
  readonly test: string;
  readonly trace: string;
  readonly kind: string;
  readonly clean: boolean;
  readonly ignore_checksums: boolean;
  readonly redefs: readonly string[];
  readonly rows: readonly ZeekRow[];
}

const COUNTS = ["orig_bytes", "resp_bytes", "missed_bytes", "orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes"];
const OTHERS = ["conn_state", "history", "local_orig", "local_resp"];

/** Zeek knows three transports; the others have no ports there. */
function known(record: ConnectionRecord): boolean {
  return ["tcp", "udp", "icmp"].includes(record.proto);
}

function sameEnds(zeek: ZeekRow, ours: ConnectionRecord, flipped: boolean): boolean {
  const end = (side: "orig" | "resp") => [ours[`id.${side}_h`], known(ours) ? ours[`id.${side}_p`] : 0];
  const [first, second] = flipped ? [end("resp"), end("orig")] : [end("orig"), end("resp")];
  return (
    zeek["id.orig_h"] === first[0] &&
    zeek["id.orig_p"] === first[1] &&
    zeek["id.resp_h"] === second[0] &&
    zeek["id.resp_p"] === second[1] &&
    (zeek.proto ?? ours.proto) === (known(ours) ? ours.proto : "unknown_transport")
  );
}

/** The fields that differ; a Zeek log without a field says nothing of it. */
function differing(zeek: ZeekRow, ours: ConnectionRecord): string[] {
  const found: string[] = [];
  const record = ours as unknown as Record<string, unknown>;
  for (const name of [...COUNTS, ...OTHERS]) {
    if (!(name in zeek)) continue;
    const want = zeek[name] === "T" ? true : zeek[name] === "F" ? false : zeek[name];
    const got = record[name] ?? null;
    // Zeek has no byte counts for the protocols it has no ports for.
    if (name.endsWith("_bytes") && !known(ours) && want === 0 && !name.includes("ip")) continue;
    if (want !== got && !(name === "missed_bytes" && want === null)) found.push(name);
  }
  const [want, got] = [zeek.duration as number | null, ours.duration ?? null];
  if ("duration" in zeek && (want === null) !== (got === null)) found.push("duration");
  else if (want !== null && want !== undefined && Math.abs(want - (got ?? 0)) > 1.5e-6) found.push("duration");
  return found;
}

function classify(zeek: ZeekRow, ours: ConnectionRecord, different: readonly string[], baseline: Baseline): string {
  const only = (...names: string[]) => different.every((name) => names.includes(name));
  if (different.length === 0) return "exact";
  if (only("local_orig", "local_resp") && baseline.redefs.some((redef) => redef.includes("local_nets")))
    return "local-nets";
  if (only("history") && String(zeek.history).replace(/x/gi, "") === ours.history) return "analysis-ended";
  if (ours.frag_pkts > 0 || baseline.trace.includes("fragment")) return "fragment";
  // Zeek stops counting where a script tells it to skip the rest (GridFTP's data).
  if (Number(zeek.orig_pkts) < ours.orig_pkts && String(ours.history).startsWith(String(zeek.history)))
    return "analysis-skipped";
  return "unexplained";
}

async function recordsOf(baseline: Baseline): Promise<ConnectionRecord[]> {
  const records: ConnectionRecord[] = [];
  const options = { verifyChecksums: !baseline.ignore_checksums };
  for await (const batch of readConnections(corpusPath(`captures/${baseline.trace}`), options)) records.push(...batch);
  return records;
}

describeUnless(corpusLack, "Zeek's expected conn.logs", () => {
  it("agree row by row, or the difference has a name", { timeout: 120_000 }, async () => {
    const classes = new Map<string, number>();
    const unexplained: string[] = [];
    let compared = 0;
    const count = (name: string, zeek: ZeekRow, baseline: Baseline, detail = "") => {
      compared++;
      classes.set(name, (classes.get(name) ?? 0) + 1);
      if (name !== "unexplained") return;
      unexplained.push(
        `${baseline.trace} ${zeek["id.orig_h"]}:${zeek["id.orig_p"]} ${zeek["id.resp_h"]}:${zeek["id.resp_p"]} ${detail}`,
      );
    };
    for (const baseline of readJson<Baseline[]>("zeek_conn.json")) {
      if (baseline.kind !== "full" || !baseline.clean) continue;
      if (!existsSync(corpusPath(`captures/${baseline.trace}`))) continue;
      const left = await recordsOf(baseline);
      const open = [...baseline.rows];
      // First what is equal, then what has the same ends, then what Zeek without its service scripts did not flip.
      for (const pass of ["exact", "ends", "flipped"]) {
        for (const zeek of open.splice(0)) {
          const candidates = left
            .map((ours, index) => ({ ours, index, different: differing(zeek, ours) }))
            .filter(
              ({ ours, different }) =>
                sameEnds(zeek, ours, pass === "flipped") && (pass !== "exact" || different.length === 0),
            )
            .sort((a, b) => a.different.length - b.different.length);
          const best = candidates[0];
          if (!best) {
            open.push(zeek);
            continue;
          }
          left.splice(best.index, 1);
          if (pass === "flipped") count("flipped", zeek, baseline);
          else count(classify(zeek, best.ours, best.different, baseline), zeek, baseline, best.different.join(" "));
        }
      }
      for (const zeek of open)
        count(baseline.trace.includes("amsdu") ? "a-msdu" : "unexplained", zeek, baseline, "absent");
    }
    const exact = classes.get("exact") ?? 0;
    console.log(
      `zeek_conn.json: ${exact} of ${compared} exact (${((exact / compared) * 100).toFixed(2)} %): ${formatClasses(classes)}`,
    );
    expect(unexplained).toEqual([]);
    expect(compared).toBeGreaterThan(250);
    expect(exact / compared).toBeGreaterThan(0.95);
  });
});

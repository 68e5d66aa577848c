import { describe, expect, it } from "vitest";
import { readRows } from "../../../../src/bro/log/reader.ts";
import { Rows } from "../../../../src/bro/log/rows.ts";
import { connRowOf } from "../../../../src/bro/log/view/conn-rows.ts";
import { ConnView } from "../../../../src/bro/log/view/conn-view.ts";
import type { FlowsQuery, ViewRequest } from "../../../../src/capture/live/snapshot.ts";
import { memoryInput } from "../support.ts";

const FIELDS = [
  ...["ts time", "uid string", "id.orig_h addr", "id.orig_p port", "id.resp_h addr", "id.resp_p port", "proto enum"],
  ...["service string", "duration interval", "conn_state string", "history string", "missed_bytes count"],
  ...["orig_pkts count", "orig_ip_bytes count", "resp_pkts count", "resp_ip_bytes count", "vlan int"],
].map((field) => field.split(" "));
const LOG = `#separator \\x09
#path\tconn
#fields\t${FIELDS.map(([name]) => name).join("\t")}
#types\t${FIELDS.map(([, type]) => type).join("\t")}
100.000000\tCA\t10.0.0.1\t4000\t10.0.0.9\t443\ttcp\tssl\t2.000000\tSF\tShADadFf\t0\t10\t1000\t8\t9000\t5
101.000000\tCB\t10.0.0.2\t4001\t10.0.0.9\t53\tudp\tdns\t-\tS0\tD\t0\t1\t60\t0\t0\t-
103.000000\tCC\t2001:db8::1\t128\t2001:db8::2\t129\ticmp\t-\t1.000000\tOTH\t-\t0\t2\t112\t2\t112\t-
#close\tx
`;

async function viewOf(log = LOG, logRows: readonly string[] | null = null): Promise<ConnView> {
  const view = new ConnView(() => logRows);
  await readRows(memoryInput(log), new Rows((row) => view.add(connRowOf(row, view.size))));
  return view;
}

const FLOWS: FlowsQuery = {
  ...{ sort: "bytes", descending: true, offset: 0, rows: 10, pin: null, frozen: false, ended: true, records: false },
};
const request = (change: Partial<ViewRequest> = {}): ViewRequest => ({
  ...{ seq: 7, filter: "", hold: false, flows: FLOWS, packets: null, talkers: null, overview: null },
  ...change,
});

describe("conn.log on the flow screens", () => {
  it("gives rows in any order, ports only where there are ports, totals and times", async () => {
    const view = await viewOf();
    const answer = view.answer(request(), "ended");
    expect(answer).toMatchObject({ seq: 7, packets: 23, bytes: 10_284, held: 3, elapsedMs: 4000 });
    expect(answer.flows!.rows.map(({ id }) => id)).toEqual([0, 2, 1]);
    expect(answer.flows!.rows[0]).toMatchObject({
      app: "ssl",
      respPort: 443,
      vlans: [5],
      rateBps: 40_000,
      durationMs: 2000,
    });
    expect(answer.flows!.rows[1]).toMatchObject({ origAddress: "2001:db8::1", origPort: null, respPort: null });
    const up = view.answer(
      request({ flows: { ...FLOWS, sort: "start", descending: false, offset: 1, rows: 2 } }),
      "ended",
    );
    expect([up.flows!.offset, up.flows!.rows.map(({ id }) => id)]).toEqual([1, [1, 2]]);
  });

  it.each([
    ["tcp", [0]],
    ["host 10.0.0.9 and port 53", [1]],
    ["ip.addr == 10.0.0.0/30", [0, 1]],
    ["ip6", [2]],
    ["tcp.dstport == 443 and flow.bytes > 5k and vlan.id == 5", [0]],
    ["flow.state in {S0 OTH} or flow.service == ssl", [0, 2, 1]],
    ["not flow.duration >= 1s", [1]],
    ["cb", [1]],
    ["frame.len > 1", null],
    ["flow.stat == SF", null],
  ])("filters by %s", async (filter, ids) => {
    const view = await viewOf();
    const { flows, filterError } = view.answer(request({ filter }), "ended");
    if (ids === null) expect(filterError).not.toBeNull();
    else expect([filterError, flows!.rows.map(({ id }) => id)]).toEqual([null, ids]);
  });

  it("keeps a pinned row on its line, also where the filter hides it, with the rows of other logs", async () => {
    const view = await viewOf(LOG, ["dns  query=x"]);
    const pinned = view.answer(request({ filter: "tcp", flows: { ...FLOWS, pin: { id: 1, line: 1 } } }), "ended")
      .flows!;
    expect(pinned.rows.map(({ id }) => id)).toEqual([0, 1]);
    expect(pinned.pinned!.detail).toMatchObject({ uid: "CB", logRows: ["dns  query=x"] });
    expect(view.answer(request({ flows: { ...FLOWS, pin: { id: 99, line: 0 } } }), "ended").flows!.pinned).toBeNull();
  });

  it("sums up talkers and the overview", async () => {
    const view = await viewOf();
    const talkers = (key: "host" | "port" | "app" | "vlan") =>
      view.answer(request({ talkers: { key, sort: "received", descending: true, offset: 0, rows: 2 } }), "ended")
        .talkers!;
    expect(talkers("host")).toMatchObject({
      total: 5,
      rows: [
        { name: "10.0.0.1", receivedBytes: 9000 },
        { name: "10.0.0.9", flows: 2 },
      ],
    });
    expect(talkers("port").rows.map(({ name, filter }) => [name, filter])).toEqual([
      ["443/tcp", "tcp.port == 443"],
      ["53/udp", "udp.port == 53"],
    ]);
    expect(talkers("vlan").rows[0]).toMatchObject({ name: "5", filter: "vlan.id == 5" });
    const { overview } = view.answer(request({ overview: { step: 1, steps: 100, rows: 2 } }), "ended");
    expect(overview!.states).toEqual([
      ["SF", 1],
      ["S0", 1],
      ["OTH", 1],
    ]);
    const sent = overview!.up.reduce((sum, bits) => sum + bits, 0);
    expect(Math.round(sent / 8)).toBe(1172);
  });

  it("shows a log without times and without IP bytes", async () => {
    const view = await viewOf(
      `#fields\tts\tuid\tid.orig_h\tid.resp_h\torig_bytes\n#types\ttime\tstring\taddr\taddr\tcount\nXX.XX\tC1\t::1\t::2\t7\n`,
    );
    const answer = view.answer(request({ overview: { step: 1, steps: 10, rows: 2 } }), "ended");
    expect(answer).toMatchObject({ elapsedMs: 0, bytes: 7, held: 1 });
    expect(answer.flows!.rows[0]).toMatchObject({ origBytes: 7, state: "", proto: "unknown_transport" });
    expect(await viewOf("").then((empty) => empty.answer(request(), "ended").flows!.rows)).toEqual([]);
  });
});

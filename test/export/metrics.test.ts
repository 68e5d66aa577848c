import { describe, expect, it } from "vitest";
import { type Metric, metricsText, parseListen, serveMetrics } from "../../src/export/metrics.ts";

const METRICS: readonly Metric[] = [
  { name: "packets", type: "counter", help: "packets seen", values: [{ labels: { stage: 'cap"ture\n' }, value: 12 }] },
  { name: "dropped", type: "counter", help: "not known yet", values: [{ value: null }] },
  { name: "flow", type: "counter", unit: "bytes", help: "bytes", values: [{ value: 1.5e9 }] },
];

describe("metrics", () => {
  it("are OpenMetrics text, labels escaped, unknown values left out", () => {
    expect(metricsText(METRICS).split("\n")).toEqual([
      "# HELP tapscope_packets packets seen",
      "# TYPE tapscope_packets counter",
      'tapscope_packets_total{stage="cap\\"ture\\n"} 12',
      "# HELP tapscope_dropped not known yet",
      "# TYPE tapscope_dropped counter",
      "# HELP tapscope_flow_bytes bytes",
      "# TYPE tapscope_flow_bytes counter",
      "# UNIT tapscope_flow_bytes bytes",
      "tapscope_flow_bytes_total 1500000000",
      "# EOF",
      "",
    ]);
  });

  it("are served on the address given, and nothing else is", async () => {
    await using server = await serveMetrics(parseListen("127.0.0.1:0"), () => METRICS);
    const url = `http://127.0.0.1:${server.port}/metrics`;
    const open = await fetch(url, { headers: { accept: "application/openmetrics-text;version=1.0.0,*/*;q=0.1" } });
    expect(open.headers.get("content-type")).toContain("openmetrics-text");
    expect(await open.text()).toContain("# EOF");
    const classic = await (await fetch(url)).text();
    expect(classic).toContain("# TYPE tapscope_packets_total counter");
    expect(classic).not.toContain("# EOF");
    expect((await fetch(`http://127.0.0.1:${server.port}/`)).status).toBe(404);
    await expect(serveMetrics({ host: "127.0.0.1", port: server.port }, () => [])).rejects.toThrow(
      /cannot serve metrics/,
    );
  });

  it("listen on this machine alone where only a port is given", () => {
    expect(parseListen("9464")).toEqual({ host: "127.0.0.1", port: 9464 });
    expect(parseListen("[::1]:1")).toEqual({ host: "::1", port: 1 });
    for (const wrong of ["x", "1:2:3", "99999", ":"]) expect(() => parseListen(wrong)).toThrow();
  });
});

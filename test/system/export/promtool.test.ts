import { describe, expect, it } from "vitest";
import { findProgram, run } from "../../../src/core/process.ts";
import { metricsText } from "../../../src/export/metrics.ts";

describe("metrics for Prometheus", () => {
  it.skipIf(findProgram("promtool") === undefined)("pass promtool (skipped where there is no prometheus)", async () => {
    const text = metricsText(
      [
        {
          name: "packets",
          type: "counter",
          help: "packets seen at a stage",
          values: [{ labels: { stage: "captured" }, value: 3 }],
        },
        { name: "flows", type: "gauge", help: "flows held", values: [{ value: 7 }] },
        { name: "wire", type: "counter", unit: "bytes", help: "bytes on the wire", values: [{ value: 12 }] },
      ],
      "prometheus",
    );
    const { exitCode, stderr, stdout } = await run(["promtool", "check", "metrics"], {
      input: text,
      okCodes: [0, 1, 3],
    });
    expect([exitCode, stderr, stdout]).toEqual([0, "", ""]);
  });
});

import { expect, it } from "vitest";
import { allLogs, protocolLogsPage } from "../../src/service/logs-page.ts";

// After a change of a log: vitest run --project project -u
it("has docs/reference/protocol-logs.md written from the logs' schemas", async () => {
  await expect(protocolLogsPage()).toMatchFileSnapshot("../../docs/reference/protocol-logs.md");
});

it("names each field of a log once", () => {
  for (const { path, fields } of allLogs()) {
    const names = fields.map(({ name }) => name);
    expect(
      names.filter((name, index) => names.indexOf(name) !== index),
      path,
    ).toEqual([]);
  }
});

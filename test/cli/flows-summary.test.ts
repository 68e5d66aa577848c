import { expect, it } from "vitest";
import { buildProgram } from "../../src/cli/program.ts";

it.each([
  ["--format", "zeek"],
  ["--format", "csv"],
  ["--sort", "ts"],
  ["--top", "3"],
  ["--where", "tcp"],
])("refuses flows --summary %s %s, which would say nothing", async (...options) => {
  const argv = ["flows", "--summary", ...options, "never-opened.pcap"];
  await expect(buildProgram().parseAsync(argv, { from: "user" })).rejects.toMatchObject({ code: "E_USAGE" });
});

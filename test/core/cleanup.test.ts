import { expect, it } from "vitest";
import { Cleanup } from "../../src/core/cleanup.ts";

it("undoes in reverse order, goes on after a failure, and names what failed", async () => {
  const done: string[] = [];
  const cleanup = new Cleanup();
  cleanup.add("remove the port", () => done.push("port"));
  cleanup.add("remove the mirror", () => {
    throw new Error("no database");
  });
  cleanup.add("stop tcpdump", () => done.push("tcpdump"));
  await expect(cleanup[Symbol.asyncDispose]()).rejects.toThrow("could not remove the mirror (no database)");
  expect(done).toEqual(["tcpdump", "port"]);
});

it("does not wait for ever for a step", async () => {
  const cleanup = new Cleanup(20);
  cleanup.add("stop", () => new Promise(() => {}));
  await expect(cleanup[Symbol.asyncDispose]()).rejects.toThrow("not done within 20 ms");
});

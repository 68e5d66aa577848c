import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type ConnectionRecord, readConnections, TapscopeError, UsageError } from "../src/index.ts";

const fixture = (name: string) => join(import.meta.dirname, "../fixtures/pcaps", name);

async function all(...args: Parameters<typeof readConnections>): Promise<ConnectionRecord[]> {
  const found: ConnectionRecord[] = [];
  for await (const batch of readConnections(...args)) found.push(...batch);
  return found;
}

describe("readConnections", () => {
  it("yields the connections that match a display filter, of packets that match a capture filter", async () => {
    const every = await all(fixture("http.pcap"));
    const chosen = await all(fixture("http.pcap"), { where: 'flow.service contains "http"' });
    expect(chosen).toEqual(every.filter(({ service }) => service?.includes("http")));
    expect(chosen.length).toBeGreaterThan(0);
    expect(await all(fixture("http.pcap"), { filter: "udp port 9" })).toEqual([]);
  });

  it("ends early when its signal says so", async () => {
    expect(await all(fixture("http.pcap"), { signal: AbortSignal.abort() })).toEqual([]);
  });

  it("throws errors that can be told apart", async () => {
    await expect(all("/none.pcap")).rejects.toThrow(TapscopeError);
    await expect(all(fixture("http.pcap"), { where: "no such (" })).rejects.toThrow(UsageError);
  });
});

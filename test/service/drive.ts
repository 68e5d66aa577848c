/** Feeds a parser what a connection would carry and collects what it logs. */
import { ServiceAnalyzer } from "../../src/service/analyzer.ts";
import type { LogRow } from "../../src/service/log/schema.ts";

export interface Said {
  readonly from: "client" | "server";
  readonly bytes: Uint8Array | string;
}

export interface Logged {
  readonly log: string;
  readonly row: LogRow;
}

export const client = (bytes: Uint8Array | string): Said => ({ from: "client", bytes });
export const server = (bytes: Uint8Array | string): Said => ({ from: "server", bytes });

/** @param chunk bytes handed over at a time; all at once by default */
export function drive(
  app: string,
  said: readonly Said[],
  transport: "tcp" | "udp" = "tcp",
  chunk = Infinity,
): Logged[] {
  const logged: Logged[] = [];
  const analyzer = new ServiceAnalyzer({ write: ({ path }, row) => logged.push({ log: path, row }) });
  const endpoints = {
    uid: "CuidForTests",
    origHost: "10.0.0.1",
    origPort: 40_000,
    respHost: "10.0.0.2",
    respPort: 80,
    transport,
  };
  let ns = 1_000_000_000n;
  analyzer.now(ns);
  analyzer.begin(1, endpoints, app);
  for (const { from, bytes } of said) {
    const all = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
    for (let at = 0; at < all.length; at += chunk) {
      analyzer.data(1, from === "client", all.subarray(at, Math.min(at + chunk, all.length)), (ns += 1_000_000n));
    }
  }
  analyzer.end(1);
  analyzer.finish();
  return logged;
}

export const rowsOf = (logged: readonly Logged[], log: string): LogRow[] =>
  logged.filter((entry) => entry.log === log).map(({ row }) => row);

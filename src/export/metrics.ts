/**
 * Counts as text for Prometheus, and the small server from which it fetches them: OpenMetrics 1.0 (openmetrics.io) for those that accept
 * it, else Prometheus' own format, which differs in the names of counters' families and in its end.
 */
import { createServer, type Server } from "node:http";
import { TapscopeError, UsageError } from "../core/errors.ts";

export interface Metric {
  /** Without the unit's and the counter's suffix. */
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly unit?: "bytes" | "seconds";
  readonly help: string;
  /** A value a set of labels; a value that is not known is left out. */
  readonly values: readonly { readonly labels?: Readonly<Record<string, string>>; readonly value: number | null }[];
}

const PREFIX = "tapscope_";
const OPEN_METRICS = "application/openmetrics-text";

/** The two formats: what a counter's family is called, and what only OpenMetrics has. */
export type Exposition = "openmetrics" | "prometheus";

const CONTENT_TYPES: Readonly<Record<Exposition, string>> = {
  openmetrics: `${OPEN_METRICS}; version=1.0.0; charset=utf-8`,
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
};

function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function labelText(labels: Readonly<Record<string, string>> = {}): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

/** All metrics as one exposition. */
export function metricsText(metrics: readonly Metric[], exposition: Exposition = "openmetrics"): string {
  const open = exposition === "openmetrics";
  const lines: string[] = [];
  for (const { name, type, unit, help, values } of metrics) {
    const base = `${PREFIX}${name}${unit ? `_${unit}` : ""}`;
    const sample = type === "counter" ? `${base}_total` : base;
    const family = open ? base : sample;
    lines.push(`# HELP ${family} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}`, `# TYPE ${family} ${type}`);
    if (open && unit) lines.push(`# UNIT ${family} ${unit}`);
    for (const { labels, value } of values) if (value !== null) lines.push(`${sample}${labelText(labels)} ${value}`);
  }
  return `${lines.join("\n")}\n${open ? "# EOF\n" : ""}`;
}

/** Reads `host:port` or `port`; a port alone is bound to this machine only. @throws UsageError for anything else */
export function parseListen(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:(?:\[([^\]]+)\]|([^:]*)):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) throw new UsageError(`not an address to listen on: ${text}`, { hint: "127.0.0.1:9464" });
  return { host: match[1] ?? (match[2] || "127.0.0.1"), port };
}

export interface MetricsServer extends AsyncDisposable {
  readonly port: number;
}

/**
 * Serves `/metrics` until disposed of.
 * @throws TapscopeError when the address cannot be bound
 */
export async function serveMetrics(
  { host, port }: { readonly host: string; readonly port: number },
  read: () => readonly Metric[],
): Promise<MetricsServer> {
  const server: Server = createServer((request, response) => {
    if (request.method !== "GET" || request.url?.split("?")[0] !== "/metrics") {
      response.writeHead(404).end();
      return;
    }
    const exposition = request.headers.accept?.includes(OPEN_METRICS) ? "openmetrics" : "prometheus";
    response.writeHead(200, { "content-type": CONTENT_TYPES[exposition] }).end(metricsText(read(), exposition));
  });
  server.requestTimeout = 5000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => {
      reject(
        new TapscopeError("E_METRICS", `cannot serve metrics on ${host}:${port}: ${error.message}`, { cause: error }),
      );
    });
    server.listen(port, host, resolve);
  });
  server.unref();
  const address = server.address();
  return {
    port: typeof address === "object" && address ? address.port : port,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

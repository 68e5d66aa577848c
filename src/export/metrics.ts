/** Counts as OpenMetrics text (openmetrics.io, "OpenMetrics 1.0"), and the small server from which Prometheus fetches them. */
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
const CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function labelText(labels: Readonly<Record<string, string>> = {}): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

/** All metrics as one exposition. */
export function openMetrics(metrics: readonly Metric[]): string {
  const lines: string[] = [];
  for (const { name, type, unit, help, values } of metrics) {
    const family = `${PREFIX}${name}${unit ? `_${unit}` : ""}`;
    lines.push(`# HELP ${family} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}`, `# TYPE ${family} ${type}`);
    if (unit) lines.push(`# UNIT ${family} ${unit}`);
    const sample = type === "counter" ? `${family}_total` : family;
    for (const { labels, value } of values) if (value !== null) lines.push(`${sample}${labelText(labels)} ${value}`);
  }
  return `${lines.join("\n")}\n# EOF\n`;
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
    response.writeHead(200, { "content-type": CONTENT_TYPE }).end(openMetrics(read()));
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

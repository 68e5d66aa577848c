/**
 * A JSON-RPC 1.0 connection over a unix, TCP or TLS socket: what OVSDB (RFC 7047 §4) and the control sockets of the OVS
 * daemons speak. Requests may overlap; the server's `echo` requests are answered; notifications go to one listener.
 */
import { readFileSync } from "node:fs";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { messageOf, TapscopeError } from "../../core/errors.ts";
import { JsonStream } from "./json-stream.ts";

/** Where to connect to. */
export type Endpoint =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "ssl"; readonly host: string; readonly port: number; readonly tls: TlsFiles };

/** PEM files, named as ovs-vsctl's options are. */
export interface TlsFiles {
  readonly privateKey: string;
  readonly certificate: string;
  readonly caCert: string;
}

interface Waiting {
  readonly method: string;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** An answer that is an error: `detail` is the server's `error` member as it came. */
export class RpcError extends TapscopeError {
  override readonly name = "RpcError";
  readonly detail: unknown;

  constructor(method: string, detail: unknown) {
    super("E_OVSDB_REQUEST", `request '${method}' was refused: ${describeDetail(detail)}`);
    this.detail = detail;
  }
}

function describeDetail(detail: unknown): string {
  if (typeof detail === "string") return detail.trim();
  if (detail !== null && typeof detail === "object" && "error" in detail) {
    const { error, details } = detail as { error: unknown; details?: unknown };
    return details === undefined ? String(error) : `${error}: ${details}`;
  }
  return JSON.stringify(detail) ?? "no reason given";
}

export class JsonRpc implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #lost: Error | undefined;
  /** Called with each notification (a message without an id to answer). */
  onNotification: ((method: string, params: unknown) => void) | undefined;
  /** Called once when the connection ends that nobody closed. */
  onLost: ((error: Error) => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const stream = new JsonStream((value) => this.#receive(value));
    socket.on("data", (chunk: Buffer) => {
      try {
        stream.push(chunk);
      } catch (error) {
        this.#fail(error as Error);
        socket.destroy();
      }
    });
    socket.on("error", (error) => this.#fail(lost(error.message)));
    socket.on("close", () => this.#fail(lost("the server closed the connection")));
  }

  /** @throws TapscopeError `E_OVSDB_UNREACHABLE` */
  static async connect(endpoint: Endpoint, timeoutMs = 5000): Promise<JsonRpc> {
    const socket = open(endpoint);
    try {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
        const settle = (act: () => void) => () => {
          clearTimeout(timer);
          act();
        };
        socket.once(endpoint.kind === "ssl" ? "secureConnect" : "connect", settle(resolve));
        socket.once("error", (error) => settle(() => reject(error))());
      });
    } catch (error) {
      socket.destroy();
      throw unreachable(endpoint, error);
    }
    socket.removeAllListeners("error");
    return new JsonRpc(socket);
  }

  /**
   * Sends a request and returns its result.
   * @throws RpcError when the server refuses; TapscopeError `E_OVSDB_TIMEOUT`, `E_OVSDB_LOST`, `E_OVSDB_PROTOCOL`.
   */
  async call(method: string, params: readonly unknown[], timeoutMs = 10_000): Promise<unknown> {
    if (this.#lost) throw this.#lost;
    const id = this.#nextId++;
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new TapscopeError("E_OVSDB_TIMEOUT", `request '${method}' got no answer within ${timeoutMs} ms`));
      }, timeoutMs);
      this.#waiting.set(id, { method, resolve, reject, timer });
      this.#socket.write(JSON.stringify({ method, params, id }));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.onLost = undefined;
    this.#socket.destroy();
    this.#fail(lost("it was closed here"));
  }

  #receive(value: unknown): void {
    if (value === null || typeof value !== "object" || Array.isArray(value)) return;
    const { id, method, params, result, error } = value as Record<string, unknown>;
    if (typeof method === "string") {
      if (method === "echo") this.#socket.write(JSON.stringify({ id, result: params, error: null }));
      else this.onNotification?.(method, params);
      return;
    }
    const waiting = typeof id === "number" ? this.#waiting.get(id) : undefined;
    if (!waiting) return;
    this.#waiting.delete(id as number);
    clearTimeout(waiting.timer);
    if (error !== null && error !== undefined) waiting.reject(new RpcError(waiting.method, error));
    else waiting.resolve(result);
  }

  #fail(error: Error): void {
    if (this.#lost) return;
    this.#lost = error;
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(error);
    }
    this.#waiting.clear();
    this.onLost?.(error);
  }
}

function lost(why: string): TapscopeError {
  return new TapscopeError("E_OVSDB_LOST", `the connection to Open vSwitch was lost: ${why}`, {
    hint: "tapscope doctor says what runs and what does not",
  });
}

function open(endpoint: Endpoint): Socket {
  switch (endpoint.kind) {
    case "unix":
      return connectTcp({ path: endpoint.path });
    case "tcp":
      return connectTcp({ host: endpoint.host, port: endpoint.port });
    case "ssl": {
      const read = (option: string, path: string): Buffer => {
        try {
          return readFileSync(path);
        } catch (error) {
          throw new TapscopeError("E_TLS_FILE", `could not read ${option} ${path}: ${messageOf(error)}`, {
            cause: error,
          });
        }
      };
      return connectTls({
        host: endpoint.host,
        port: endpoint.port,
        key: read("--private-key", endpoint.tls.privateKey),
        cert: read("--certificate", endpoint.tls.certificate),
        ca: read("--ca-cert", endpoint.tls.caCert),
        ...(isIP(endpoint.host) ? {} : { servername: endpoint.host }),
        // As OVS does: the CA says who may talk; certificates of its PKI carry ids, not host names (ovs-pki(8)).
        checkServerIdentity: () => undefined,
      });
    }
  }
}

/** An endpoint as ovs-vsctl writes it. */
export function describeEndpoint(endpoint: Endpoint): string {
  if (endpoint.kind === "unix") return `unix:${endpoint.path}`;
  const host = isIP(endpoint.host) === 6 ? `[${endpoint.host}]` : endpoint.host;
  return `${endpoint.kind}:${host}:${endpoint.port}`;
}

const REASONS: Record<string, readonly [why: string, hint: string]> = {
  ENOENT: [
    "no such socket",
    "ovsdb-server is not running there: start Open vSwitch, name another with --db, or run: tapscope lab up",
  ],
  ECONNREFUSED: ["nothing listens there", "ovsdb-server is not running: start Open vSwitch, or run: tapscope lab up"],
  EACCES: ["permission denied", "run as root (sudo), or use a lab of your own: tapscope lab up"],
  EPERM: ["permission denied", "run as root (sudo), or use a lab of your own: tapscope lab up"],
};

function unreachable(endpoint: Endpoint, error: unknown): TapscopeError {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const [why, hint] = REASONS[code] ?? [
    messageOf(error),
    "tapscope doctor says which Open vSwitch is used and what is wrong",
  ];
  return new TapscopeError("E_OVSDB_UNREACHABLE", `database connection failed: ${describeEndpoint(endpoint)}: ${why}`, {
    hint,
    cause: error,
  });
}

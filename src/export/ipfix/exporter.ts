/**
 * Sends connection records to a collector over UDP or TCP (RFC 7011 §10). It never holds anybody up: what an absent or slow
 * collector does not take is dropped and counted.
 */
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { connect, isIPv6, type Socket as TcpSocket } from "node:net";
import { UsageError } from "../../core/errors.ts";
import type { ConnectionRecord } from "../../engine/host/connection-record.ts";
import type { TemplateOptions } from "./elements.ts";
import { IpfixEncoder } from "./encoder.ts";

const DEFAULT_PORT = 4739;
const UDP_MESSAGE = 1400;
const TCP_MESSAGE = 16_384;
/** Over UDP nobody says whether the templates arrived: they are sent again after this long, and after so many messages. */
const TEMPLATE_SECONDS = 60;
const TEMPLATE_MESSAGES = 500;
/** What may wait to be sent. */
const MAX_PENDING_MESSAGES = 2000;
const MAX_PENDING_BYTES = 8 * 1024 * 1024;
/** Records of a message wait this long for others. */
const FLUSH_MS = 1000;
const RECONNECT_MS = 2000;
const CLOSE_MS = 3000;

export interface CollectorAddress {
  readonly transport: "udp" | "tcp";
  readonly host: string;
  readonly port: number;
}

/** Reads `udp://host[:port]` or `tcp://…`. @throws UsageError for anything else */
export function parseCollector(text: string): CollectorAddress {
  let url: URL | null = null;
  try {
    url = new URL(text);
  } catch {
    // Said below.
  }
  const transport = url?.protocol === "udp:" ? "udp" : url?.protocol === "tcp:" ? "tcp" : null;
  if (!url || !transport || url.hostname === "" || url.pathname.length > 1) {
    throw new UsageError(`not the address of a collector: ${text}`, { hint: "udp://host:4739 or tcp://host:4739" });
  }
  const port = url.port === "" ? DEFAULT_PORT : Number(url.port);
  return { transport, host: url.hostname.replace(/^\[(.*)\]$/, "$1"), port };
}

export interface ExportCounters {
  records: number;
  messages: number;
  bytes: number;
  /** Records that were not sent: the collector was absent or slow. */
  lost: number;
  /** What the collector's side said last; null for nothing. */
  lastError: string | null;
}

interface Transport {
  /** `onLost` is called where the message did not go out, now or later. */
  send(message: Buffer, onLost: () => void): void;
  close(): Promise<void>;
}

function udpTransport({ host, port }: CollectorAddress, onError: (error: Error) => void): Transport {
  const socket: UdpSocket = createSocket(isIPv6(host) ? "udp6" : "udp4");
  let pending = 0;
  socket.on("error", onError);
  socket.unref();
  return {
    send: (message, onLost) => {
      if (pending >= MAX_PENDING_MESSAGES) {
        onLost();
        return;
      }
      pending++;
      socket.send(message, port, host, (error) => {
        pending--;
        if (!error) return;
        onError(error);
        onLost();
      });
    },
    close: async () => {
      const deadline = Date.now() + CLOSE_MS;
      while (pending > 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
      socket.close();
    },
  };
}

/** A connection that is made again when it is lost; each begins with the templates. */
function tcpTransport(
  { host, port }: CollectorAddress,
  greeting: () => Buffer,
  onError: (error: Error) => void,
): Transport {
  let socket: TcpSocket | null = null;
  let timer: NodeJS.Timeout | null = null;
  let closed = false;
  const open = (): void => {
    timer = null;
    const made = connect({ host, port });
    socket = made;
    made.on("connect", () => made.write(greeting()));
    made.on("error", onError);
    // A collector says nothing; what it sends anyway is not kept.
    made.resume();
    made.on("close", () => {
      if (socket === made) socket = null;
      if (closed) return;
      timer = setTimeout(open, RECONNECT_MS);
      timer.unref();
    });
  };
  open();
  return {
    send: (message, onLost) => {
      if (!socket || socket.writableLength > MAX_PENDING_BYTES) onLost();
      else
        socket.write(message, (error) => {
          if (error) onLost();
        });
    },
    close: () =>
      new Promise((resolve) => {
        closed = true;
        if (timer) clearTimeout(timer);
        if (!socket) {
          resolve();
          return;
        }
        const ended = socket;
        const limit = setTimeout(() => ended.destroy(), CLOSE_MS);
        ended.once("close", () => {
          clearTimeout(limit);
          resolve();
        });
        ended.end();
      }),
  };
}

export interface ExporterOptions extends TemplateOptions {
  readonly interfaceName?: string;
  readonly observationDomain?: number;
}

export class IpfixExporter {
  readonly counters: ExportCounters = { records: 0, messages: 0, bytes: 0, lost: 0, lastError: null };
  readonly #encoder: IpfixEncoder;
  readonly #transport: Transport;
  readonly #datagrams: boolean;
  #templatesSent = Number.NEGATIVE_INFINITY;
  #messagesSince = 0;
  /** Records in the message at hand. */
  #held = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(address: CollectorAddress, options: ExporterOptions = {}) {
    this.#datagrams = address.transport === "udp";
    this.#encoder = new IpfixEncoder({ ...options, maxMessage: this.#datagrams ? UDP_MESSAGE : TCP_MESSAGE });
    const onError = (error: Error): void => {
      this.counters.lastError = error.message;
    };
    this.#transport = this.#datagrams
      ? udpTransport(address, onError)
      : tcpTransport(address, () => this.#encoder.templateMessage(nowSeconds()), onError);
  }

  /** Sends a connection, now or within a second. */
  add(record: ConnectionRecord): void {
    this.counters.records++;
    const before = this.#held;
    this.#held++;
    for (const message of this.#encoder.add(record, nowSeconds())) {
      this.#held = 1;
      this.#send(message, before);
    }
    this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS);
    this.#timer.unref();
  }

  /** Sends what is held back. */
  flush(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const message = this.#encoder.flush(nowSeconds());
    const held = this.#held;
    this.#held = 0;
    if (message) this.#send(message, held);
  }

  async close(): Promise<void> {
    this.flush();
    await this.#transport.close();
  }

  #send(message: Buffer, records: number): void {
    if (this.#datagrams) this.#templates();
    this.counters.messages++;
    this.counters.bytes += message.length;
    this.#messagesSince++;
    this.#transport.send(message, () => {
      this.counters.lost += records;
      this.counters.messages--;
      this.counters.bytes -= message.length;
    });
  }

  #templates(): void {
    const now = nowSeconds();
    if (now - this.#templatesSent < TEMPLATE_SECONDS && this.#messagesSince < TEMPLATE_MESSAGES) return;
    this.#templatesSent = now;
    this.#messagesSince = 0;
    this.#transport.send(this.#encoder.templateMessage(now), () => undefined);
  }
}

const nowSeconds = (): number => Math.floor(Date.now() / 1000);

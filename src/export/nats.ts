/**
 * Publishes connection records to NATS (docs.nats.io): Zeek's JSON with the sensor's name and the health of its mirror, one
 * message a record, to the subject `tapscope.<sensor>.conn`. Where a JetStream stream takes that subject each message is
 * acknowledged, and sent again until it is; its id lets the server remove duplicates. Nothing here holds a capture up: what
 * cannot be sent is dropped and counted.
 */
import { type JetStreamClient, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { messageOf, TapscopeError, UsageError } from "../core/errors.ts";
import type { ConnectionRecord } from "../engine/host/connection-record.ts";

/** Messages that wait for their acknowledgement, at most. */
const MAX_IN_FLIGHT = 20_000;
const ACK_TIMEOUT_MS = 5000;
const MAX_TRIES = 20;
const RETRY_MS = 500;
const CONNECT_TIMEOUT_MS = 5000;
const CLOSE_MS = 30_000;

export interface NatsOptions {
  /** `nats://[user:password@]host[:port]`, several separated by commas. */
  readonly url: string;
  /** Names this program among others: letters, digits, `-` and `_`. */
  readonly sensor: string;
  /** Make this stream, of all sensors' records, where there is none; by default an existing one is used. */
  readonly stream?: string;
  readonly replicas?: number;
}

export interface NatsCounters {
  records: number;
  /** Sent to a server; with JetStream: acknowledged. */
  published: number;
  duplicates: number;
  lost: number;
  inFlight: number;
  lastError: string | null;
}

/** What a message holds besides the record. */
export interface SensorState {
  readonly mirror?: { readonly name: string; readonly health: string } | null;
}

/** The subjects of one sensor's records, and of all. */
export const subjectOf = (sensor: string): string => `tapscope.${sensor}.conn`;
export const ALL_SENSORS = "tapscope.*.conn";

/** @throws UsageError when the name cannot be part of a subject */
export function checkSensor(name: string): string {
  if (!/^[\w-]{1,64}$/.test(name)) {
    throw new UsageError(`not a sensor's name: ${name}`, { hint: "letters, digits, - and _" });
  }
  return name;
}

export class NatsPublisher implements AsyncDisposable {
  readonly counters: NatsCounters = { records: 0, published: 0, duplicates: 0, lost: 0, inFlight: 0, lastError: null };
  readonly #connection: NatsConnection;
  readonly #jetstream: JetStreamClient | null;
  readonly #sensor: string;
  readonly #subject: string;
  #ordinal = 0;

  private constructor(connection: NatsConnection, client: JetStreamClient | null, sensor: string) {
    this.#connection = connection;
    this.#jetstream = client;
    this.#sensor = sensor;
    this.#subject = subjectOf(sensor);
  }

  /** @throws TapscopeError when no server answers, or the stream cannot be made */
  static async open(options: NatsOptions): Promise<NatsPublisher> {
    const sensor = checkSensor(options.sensor);
    const connection = await open(options.url);
    try {
      return new NatsPublisher(connection, await clientFor(connection, subjectOf(sensor), options), sensor);
    } catch (error) {
      await connection.close();
      throw new TapscopeError("E_NATS", `cannot use JetStream of ${hidden(options.url)}: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  /** Whether messages are acknowledged: a stream takes them. */
  get acknowledged(): boolean {
    return this.#jetstream !== null;
  }

  /** Publishes a record, sooner or later; never waits. */
  add(record: ConnectionRecord, state: SensorState = {}): void {
    this.counters.records++;
    if (this.counters.inFlight >= MAX_IN_FLIGHT) {
      this.counters.lost++;
      return;
    }
    const id = `${this.#sensor}-${record.uid}-${++this.#ordinal}`;
    const payload = JSON.stringify({ sensor: this.#sensor, mirror: state.mirror ?? null, ...record });
    if (this.#jetstream) void this.#acknowledge(this.#jetstream, payload, id);
    else this.#send(payload);
  }

  #send(payload: string): void {
    try {
      this.#connection.publish(this.#subject, payload);
      this.counters.published++;
    } catch (error) {
      this.counters.lost++;
      this.counters.lastError = messageOf(error);
    }
  }

  /** Sends until a server has it: the id makes a second copy harmless. */
  async #acknowledge(client: JetStreamClient, payload: string, msgID: string): Promise<void> {
    this.counters.inFlight++;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      try {
        const { duplicate } = await client.publish(this.#subject, payload, { msgID, timeout: ACK_TIMEOUT_MS });
        this.counters.inFlight--;
        this.counters.published++;
        if (duplicate) this.counters.duplicates++;
        return;
      } catch (error) {
        this.counters.lastError = messageOf(error);
        if (this.#connection.isClosed()) break;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    this.counters.inFlight--;
    this.counters.lost++;
  }

  /** Waits for what is in flight, bounded, and leaves. */
  async [Symbol.asyncDispose](): Promise<void> {
    const deadline = Date.now() + CLOSE_MS;
    while (this.counters.inFlight > 0 && Date.now() < deadline && !this.#connection.isClosed()) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    this.counters.lost += this.counters.inFlight;
    await Promise.race([
      this.#connection.drain().catch(() => undefined),
      new Promise((resolve) => setTimeout(resolve, 2000)),
    ]);
    await this.#connection.close().catch(() => undefined);
  }
}

async function open(url: string): Promise<NatsConnection> {
  const parsed = url.split(",").map((one) => {
    try {
      return new URL(one.includes("://") ? one : `nats://${one}`);
    } catch {
      throw new UsageError(`not the address of a NATS server: ${one}`, { hint: "nats://host:4222" });
    }
  });
  const [first] = parsed;
  const credentials = first?.username
    ? { user: decodeURIComponent(first.username), pass: decodeURIComponent(first.password) }
    : {};
  try {
    return await connect({
      servers: parsed.map(({ hostname, port }) => `${hostname}:${port || "4222"}`),
      ...credentials,
      name: "tapscope",
      timeout: CONNECT_TIMEOUT_MS,
      maxReconnectAttempts: -1,
      reconnectTimeWait: RETRY_MS,
    });
  } catch (error) {
    throw new TapscopeError("E_NATS", `cannot connect to ${hidden(url)}: ${messageOf(error)}`, {
      hint: "is nats-server running there?",
      cause: error,
    });
  }
}

/** An address without its password. */
const hidden = (url: string): string => url.replace(/:\/\/[^@/]*@/, "://");

async function clientFor(
  connection: NatsConnection,
  subject: string,
  { stream, replicas = 1 }: NatsOptions,
): Promise<JetStreamClient | null> {
  const manager = await jetstreamManager(connection, { checkAPI: stream !== undefined }).catch((error: unknown) => {
    if (stream !== undefined) throw error;
    return null;
  });
  if (!manager) return null;
  const found = await manager.streams.find(subject).catch(() => null);
  if (found === null) {
    if (stream === undefined) return null;
    await manager.streams.add({
      name: stream,
      subjects: [ALL_SENSORS],
      num_replicas: replicas,
      storage: "file" as never,
    });
  }
  return jetstream(connection);
}

/**
 * What an application protocol is to this program: how its payload is parsed and what it logs. The engine recognises the
 * protocol (engine/apps/, same name) and hands over TCP payload in order and UDP payload datagram by datagram; parsers see it
 * here, one object a connection.
 */
import type { LogRow, LogSchema } from "./log/schema.ts";

/** What is known of a connection when its payload begins. */
export interface Endpoints {
  readonly uid: string;
  readonly origHost: string;
  readonly origPort: number;
  readonly respHost: string;
  readonly respPort: number;
  readonly transport: "tcp" | "udp";
}

/** A connection as its parser sees it. */
export interface Connection extends Endpoints {
  /** Time of the packet at hand, nanoseconds since the epoch. */
  readonly nowNs: bigint;
  /** Adds a row to a log. The connection's own fields (uid, id.*) are filled in where the log has them and the row does not. */
  write(schema: LogSchema, row: LogRow): void;
  /** Reports what contradicts the protocol, under Zeek's name where it has one. */
  weird(name: string, addl?: string): void;
  /**
   * From here on the payload is another protocol's (STARTTLS, CONNECT); `rest`, from the side that sent it, is the first of it. The
   * parser at hand is ended.
   */
  become(app: string, fromOrig?: boolean, rest?: Uint8Array): void;
  /** Begins a file that is carried by this connection. */
  file(source: string, fromOrig: boolean): CarriedFile;
  /** What a protocol keeps over all connections; made when it is first asked for. */
  shared<T extends SharedState>(name: string, create: () => T): T;
}

/** State that a protocol keeps over connections (DHCP's transactions, certificates seen). */
export interface SharedState {
  /** The capture is over. */
  finish(): void;
}

/** A file while it is carried. */
export interface CarriedFile {
  /** Zeek's file id. */
  readonly fuid: string;
  /** By content; undefined until enough has been seen, and where it is not known. */
  readonly mimeType: string | undefined;
  filename: string | undefined;
  /** Bytes the file should have, where a protocol says so. */
  totalBytes: number | undefined;
  depth: number;
  data(bytes: Uint8Array): void;
  gap(length: number): void;
  end(): void;
}

/** Parses one connection. Bytes are valid during the call only. Nothing here throws on what a packet holds. */
export interface Parser {
  data(fromOrig: boolean, bytes: Uint8Array): void;
  /** TCP: bytes that were never seen, in the order of the stream. */
  gap?(fromOrig: boolean, length: number): void;
  /** The connection is over. */
  end?(): void;
}

export interface Protocol {
  /** The application's name in the engine's table. */
  readonly app: string;
  readonly logs: readonly LogSchema[];
  open(connection: Connection): Parser;
}

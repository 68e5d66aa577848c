/**
 * Frames into a folder of Zeek logs: the engine says which connection a packet belongs to and what it speaks, payload is put in order and
 * handed to the protocol's parser, and a connection that ends is written to conn.log.
 */
import { formatAddress } from "../engine/host/endpoint.ts";
import type { CapturedFrame } from "../engine/host/feed.ts";
import { fieldNumber } from "../engine/host/fields.ts";
import { FlowMeter } from "../engine/host/meter.ts";
import { PacketAtHand } from "../engine/host/packet-at-hand.ts";
import type { Rows } from "../engine/host/rows.ts";
import { APPS } from "../engine/tables/apps.ts";
import { TUNNELS } from "../engine/tables/tunnels.ts";
import { ServiceAnalyzer } from "./analyzer.ts";
import { connLog } from "./conn-log.ts";
import type { LogFiles, WrittenLog } from "./log/log-files.ts";
import type { LogRow } from "./log/schema.ts";
import type { ZeekLogFormat } from "./log/zeek-lines.ts";
import { payloadReaders } from "./payload-readers.ts";
import { protocolOf } from "./protocols.ts";
import { TcpStream } from "./tcp-stream.ts";
import { tunnelLog, tunnelRow } from "./tunnel.ts";
import { weirdLog } from "./weird.ts";

export interface ConnectionLogsOptions {
  readonly format: ZeekLogFormat;
  /** Copies of a packet that a mirror made are left out. */
  readonly dedup?: boolean;
  /** Hashes of carried files in files.log. */
  readonly hashFiles?: boolean;
  /** Packets with a wrong checksum are treated as Zeek treats them without -C. */
  readonly verifyChecksums?: boolean;
}

const TCP = 6;
const UDP = 17;
const SYN = 0x02;
const ACK = 0x10;

/** Connections whose payload is followed at once. */
const MAX_FOLLOWED = 100_000;
/** Payload that waits until it is known what a connection speaks: of one, and of all. */
const MAX_UNKNOWN = 64 * 1024;
const MAX_UNKNOWN_ALL = 64 * 1024 * 1024;

interface Piece {
  readonly fromOrig: boolean;
  /** A gap's length, or bytes. */
  readonly what: number | Uint8Array;
  readonly ns: bigint;
}

class Followed {
  readonly id: number;
  /** The originator's and the responder's stream; of UDP none. */
  streams: readonly [TcpStream, TcpStream] | null = null;
  /** The originator's port when it was first seen: roles may change. */
  origPort: number;
  /** What has come before it was known what is spoken; null once it is. */
  pieces: Piece[] | null = [];
  bytes = 0;
  /** Nobody reads it any more. */
  ignored = false;

  constructor(id: number, origPort: number) {
    this.id = id;
    this.origPort = origPort;
  }
}

export class ConnectionLogs {
  readonly meter: FlowMeter;
  readonly #rows: Rows;
  readonly #packet: PacketAtHand;
  readonly #files: LogFiles;
  readonly #analyzer: ServiceAnalyzer;
  readonly #uid = fieldNumber("uid");
  /** By row: what is known of the connection it holds. */
  readonly #followed = new Map<number, Followed>();
  /** Rows that are known to carry others, and the tunnel's name. */
  readonly #carriers = new Map<number, string>();
  #unknownBytes = 0;
  #givenUp = 0;
  #nowNs = 0n;
  /** Records written and not yet handed to the files. */
  #records = 0;

  /** @param files the folder that logs go to; `close` ends it */
  constructor(files: LogFiles, options: ConnectionLogsOptions) {
    this.#files = files;
    this.meter = new FlowMeter({
      dedup: options.dedup ?? false,
      verifyChecksums: options.verifyChecksums ?? false,
      readers: payloadReaders,
      onEnd: (row) => this.#ended(row),
      onRecords: (bytes) => files.writeLines(connLog, Buffer.from(bytes).toString("utf8"), this.#takeRecords()),
    });
    this.#rows = this.meter.table;
    this.#packet = new PacketAtHand(this.meter.engine.view);
    this.#analyzer = new ServiceAnalyzer(files, { hashFiles: options.hashFiles ?? false });
    this.meter.startRecords(options.format === "tsv" ? "zeek" : "json");
  }

  /** Connections whose payload was not read to its end, to keep memory bounded. */
  get givenUp(): number {
    return this.#givenUp;
  }

  /** Takes a frame; what is read is read during the call. */
  frame(frame: CapturedFrame): void {
    const outer = this.meter.add(frame);
    if (outer < 0) return;
    const row = this.meter.innermost;
    this.#now(this.#packet.timeNs);
    if (row !== outer) this.#carries(outer, row);
    this.#look(row);
  }

  /** Lets time pass, seconds since the epoch. */
  advance(now: number): void {
    this.meter.advance(now);
    this.#now(BigInt(Math.floor(now * 1000)) * 1_000_000n);
  }

  /** What has been logged until now reaches the file system. */
  flush(): void {
    this.meter.flushRecords();
    this.#files.flush();
  }

  /** The capture is over: all connections end. */
  close(): readonly WrittenLog[] {
    this.meter.finish();
    this.#analyzer.finish();
    return this.#files.close();
  }

  #now(ns: bigint): void {
    this.#nowNs = ns;
    this.#analyzer.now(ns);
    this.#files.now(ns, this.#flushRecords);
  }

  readonly #flushRecords = () => this.meter.flushRecords();

  #takeRecords(): number {
    const count = this.#records;
    this.#records = 0;
    return count;
  }

  #ended(row: number): void {
    const followed = this.#followed.get(row);
    if (followed) {
      if (followed.pieces) this.#decide(followed, row);
      this.#forget(followed);
      this.#analyzer.end(followed.id);
      this.#followed.delete(row);
    }
    const tunnel = this.#carriers.get(row);
    if (tunnel !== undefined) {
      this.#carriers.delete(row);
      if (this.#rows.protocol(row) === UDP) this.#writeTunnel(row, tunnel, "CLOSE");
    }
    if (!this.#rows.shown(row)) return;
    this.meter.writeRecord(row);
    this.#records++;
  }

  #carries(outer: number, inner: number): void {
    if (this.#carriers.has(outer) || this.#carriers.size >= MAX_FOLLOWED) return;
    const tunnel = this.#rows.tunnel(inner);
    if (tunnel === 0) return;
    const { name } = TUNNELS[tunnel - 1]!;
    this.#carriers.set(outer, name);
    this.#writeTunnel(outer, name, "DISCOVER");
  }

  #writeTunnel(row: number, name: string, action: "DISCOVER" | "CLOSE"): void {
    this.#files.write(tunnelLog, tunnelRow(this.#nowNs, this.#ends(row), name, action));
  }

  #look(row: number): void {
    const rows = this.#rows;
    const protocol = rows.protocol(row);
    if ((protocol !== TCP && protocol !== UDP) || !this.#packet.hasTransport) return;
    let followed = this.#followed.get(row);
    if (!followed) {
      if (this.#followed.size >= MAX_FOLLOWED) {
        this.#givenUp++;
        return;
      }
      followed = new Followed(rows.id(row), rows.port(row, true));
      if (protocol === TCP) followed.streams = this.#streamsOf(followed);
      this.#followed.set(row, followed);
    }
    if (followed.ignored) return;
    if (protocol === TCP) this.#segment(followed, row);
    else if (this.#packet.payload.length > 0) this.#give(followed, this.#packet.fromOrig, this.#packet.payload);
    if (followed.pieces) this.#decide(followed, row);
  }

  #streamsOf(followed: Followed): readonly [TcpStream, TcpStream] {
    const stream = () => {
      const fromOrig = () => followed.streams![0] === made;
      const made: TcpStream = new TcpStream({
        data: (bytes) => this.#give(followed, fromOrig(), bytes),
        gap: (length) => this.#give(followed, fromOrig(), length),
      });
      return made;
    };
    return [stream(), stream()];
  }

  #segment(followed: Followed, row: number): void {
    const packet = this.#packet;
    const origPort = this.#rows.port(row, true);
    if (origPort !== followed.origPort) {
      followed.origPort = origPort;
      followed.streams = [followed.streams![1], followed.streams![0]];
    }
    const [own, other] = packet.fromOrig ? followed.streams! : [followed.streams![1], followed.streams![0]];
    const { tcpFlags: flags, tcpSeq, payloadLength } = packet;
    const isSyn = (flags & SYN) !== 0;
    if (isSyn) own.begin(tcpSeq);
    if (payloadLength > 0 && !own.segment((tcpSeq + (isSyn ? 1 : 0)) >>> 0, packet.payload, payloadLength)) {
      this.#giveUp(followed, row);
    } else if ((flags & ACK) !== 0) other.acknowledged(packet.tcpAck);
  }

  #give(followed: Followed, fromOrig: boolean, what: number | Uint8Array): void {
    const ns = this.#nowNs;
    if (followed.pieces) {
      const size = typeof what === "number" ? 0 : what.length;
      followed.bytes += size;
      this.#unknownBytes += size;
      followed.pieces.push({ fromOrig, what: typeof what === "number" ? what : Uint8Array.from(what), ns });
    } else this.#deliver(followed.id, { fromOrig, what, ns });
  }

  #deliver(id: number, { fromOrig, what, ns }: Piece): void {
    if (typeof what === "number") this.#analyzer.gap(id, fromOrig, what, ns);
    else this.#analyzer.data(id, fromOrig, what, ns);
  }

  /** Hands on what has waited, once the engine knows what is spoken. */
  #decide(followed: Followed, row: number): void {
    const app = this.#rows.app(row);
    if (app > 0) {
      const { name } = APPS[app - 1]!;
      const pieces = followed.pieces!;
      this.#forget(followed);
      if (!protocolOf(name)) followed.ignored = true;
      else {
        this.#analyzer.begin(followed.id, { uid: this.#uidOf(row), ...this.#addresses(row) }, name);
        for (const piece of pieces) this.#deliver(followed.id, piece);
        this.#analyzer.now(this.#nowNs);
      }
    } else if (this.#rows.isDecided(row)) {
      this.#forget(followed);
      followed.ignored = true;
    } else if (followed.bytes > MAX_UNKNOWN || followed.pieces!.length > 1000 || this.#unknownBytes > MAX_UNKNOWN_ALL) {
      this.#giveUp(followed, row);
    }
  }

  #forget(followed: Followed): void {
    if (followed.pieces) this.#unknownBytes -= followed.bytes;
    followed.pieces = null;
  }

  #giveUp(followed: Followed, row: number): void {
    this.#givenUp++;
    this.#forget(followed);
    this.#analyzer.end(followed.id);
    followed.ignored = true;
    followed.streams = null;
    this.#files.write(weirdLog, {
      ...this.#ends(row),
      ts: this.#nowNs,
      name: "payload_given_up",
      notice: false,
      peer: "tapscope",
    });
  }

  #uidOf(row: number): string {
    return this.#rows.fieldText(this.#uid, row)!;
  }

  #addresses(row: number) {
    const rows = this.#rows;
    return {
      origHost: formatAddress(rows, row, true),
      origPort: rows.port(row, true),
      respHost: formatAddress(rows, row, false),
      respPort: rows.port(row, false),
      transport: rows.protocol(row) === TCP ? ("tcp" as const) : ("udp" as const),
    };
  }

  /** The fields that most logs begin with. */
  #ends(row: number): LogRow {
    const { origHost, origPort, respHost, respPort } = this.#addresses(row);
    return {
      uid: this.#uidOf(row),
      "id.orig_h": origHost,
      "id.orig_p": origPort,
      "id.resp_h": respHost,
      "id.resp_p": respPort,
    };
  }
}

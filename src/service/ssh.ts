/** SSH (RFC 4253): versions, algorithms, the host key, and how authentication went as far as packet sizes show, as ssh.log. */
import { createHash } from "node:crypto";
import { ByteQueue } from "./byte-queue.ts";
import { Cursor, latin1 } from "./cursor.ts";
import { CONNECTION_FIELDS, logSchema } from "./log/schema.ts";
import type { Connection, Parser, Protocol } from "./protocol.ts";

export const sshLog = logSchema("ssh", {
  ...CONNECTION_FIELDS,
  version: "count",
  auth_success: "bool",
  auth_attempts: "count",
  direction: "enum",
  client: "string",
  server: "string",
  cipher_alg: "string",
  mac_alg: "string",
  compression_alg: "string",
  kex_alg: "string",
  host_key_alg: "string",
  host_key_fingerprint: "string",
});

const KEXINIT = 20;
const NEWKEYS = 21;
const KEX_REPLY = 31;
const KEX_GEX_REPLY = 33;
const COOKIE = 16;
const MAX_LINE = 4096;
const MAX_PACKET = 256 * 1024;
/** Lines a server may say before its version (RFC 4253 §4.2). */
const MAX_PRE_BANNER = 100;

/** Name lists of a KEXINIT message (RFC 4253 §7.1), in order. */
interface Algorithms {
  readonly kex: readonly string[];
  readonly hostKey: readonly string[];
  readonly ciphers: readonly [readonly string[], readonly string[]];
  readonly macs: readonly [readonly string[], readonly string[]];
  readonly compressions: readonly [readonly string[], readonly string[]];
}

interface SshSide {
  state: "version" | "packets" | "encrypted" | "lost";
  readonly rest: ByteQueue;
  lines: number;
  algorithms: Algorithms | null;
}

const newSide = (): SshSide => ({ state: "version", rest: new ByteQueue(), lines: 0, algorithms: null });

const isEncrypted = (side: SshSide): boolean => side.state === "encrypted";

class SshParser implements Parser {
  readonly #c: Connection;
  readonly #sides: readonly [SshSide, SshSide] = [newSide(), newSide()];
  readonly #tsNs: bigint;
  #client: string | undefined;
  #server: string | undefined;
  #chosen: Record<string, string> = {};
  #fingerprint: string | undefined;
  #authSuccess: boolean | undefined;
  #authAttempts = 0;
  /** Sizes of the server's answers: to the request for authentication, and to an attempt that failed. */
  #serviceAcceptSize = 0;
  #failureSize = 0;
  #logged = false;

  constructor(c: Connection) {
    this.#c = c;
    this.#tsNs = c.nowNs;
  }

  data(fromOrig: boolean, bytes: Uint8Array): void {
    if (this.#logged) return;
    const side = this.#sides[fromOrig ? 0 : 1];
    if (side.state === "encrypted" && !fromOrig) this.#encrypted(bytes.length);
    if (side.state === "encrypted" || side.state === "lost") return;
    this.#clearText(side, fromOrig, bytes);
    // What is encrypted already in the segment that switches to encryption says nothing of authentication.
    if (isEncrypted(side)) side.rest.clear();
  }

  #clearText(side: SshSide, fromOrig: boolean, bytes: Uint8Array): void {
    side.rest.add(bytes);
    while (this.#versionLine(side, fromOrig) || this.#packet(side, fromOrig));
  }

  gap(fromOrig: boolean): void {
    const side = this.#sides[fromOrig ? 0 : 1];
    if (side.state !== "encrypted") side.state = "lost";
  }

  end(): void {
    if (!this.#logged && (this.#client !== undefined || this.#server !== undefined)) this.#log();
  }

  #versionLine(side: SshSide, fromOrig: boolean): boolean {
    if (side.state !== "version") return false;
    const feed = side.rest.bytes.indexOf(0x0a);
    if (feed < 0) {
      if (side.rest.length > MAX_LINE) side.state = "lost";
      return false;
    }
    const line = latin1(side.rest.bytes.subarray(0, feed)).replace(/\r$/, "");
    side.rest.take(feed + 1);
    if (line.startsWith("SSH-")) {
      if (fromOrig) this.#client = line;
      else this.#server = line;
      side.state = /^SSH-(?:2\.|1\.99)/.test(line) ? "packets" : "lost";
    } else if (++side.lines > MAX_PRE_BANNER || fromOrig) side.state = "lost";
    return true;
  }

  #packet(side: SshSide, fromOrig: boolean): boolean {
    if (side.state !== "packets" || side.rest.length < 6) return false;
    const length = side.rest.bytes.readUInt32BE(0);
    if (length < 2 || length > MAX_PACKET) {
      side.state = "lost";
      return false;
    }
    if (side.rest.length < 4 + length) return false;
    const padding = side.rest.bytes[4]!;
    const payload = Buffer.from(side.rest.bytes.subarray(5, 4 + length - Math.min(padding, length - 1)));
    side.rest.take(4 + length);
    const type = payload[0];
    if (type === KEXINIT) {
      side.algorithms = readAlgorithms(payload);
      this.#negotiate();
    } else if (type === NEWKEYS) side.state = "encrypted";
    else if (!fromOrig && type === this.#replyType()) this.#hostKey(payload);
    return true;
  }

  #replyType(): number {
    return this.#chosen.kex_alg?.includes("group-exchange") ? KEX_GEX_REPLY : KEX_REPLY;
  }

  #hostKey(payload: Uint8Array): void {
    const c = new Cursor(payload, 1);
    const key = c.take(c.u32());
    if (!c.ok || key.length === 0) return;
    // Zeek logs the first 24 bytes of the digest that ssh-keygen shows whole.
    this.#fingerprint = `SHA256:${createHash("sha256").update(key).digest().subarray(0, 24).toString("base64")}`;
  }

  #negotiate(): void {
    const [client, server] = [this.#sides[0].algorithms, this.#sides[1].algorithms];
    if (!client || !server) return;
    this.#chosen = {
      cipher_alg: bothWays(client.ciphers, server.ciphers),
      mac_alg: bothWays(client.macs, server.macs),
      compression_alg: bothWays(client.compressions, server.compressions),
      kex_alg: agreed(client.kex, server.kex),
      host_key_alg: agreed(client.hostKey, server.hostKey),
    };
  }

  /**
   * The server's encrypted answers by size, as Zeek judges them: the first accepts the service, the answer to a failed attempt
   * has always the same size, that to a good one is 16 bytes shorter than the acceptance.
   */
  #encrypted(length: number): void {
    if (this.#authSuccess === true || /^zlib/.test(this.#chosen.compression_alg ?? "")) return;
    if (this.#serviceAcceptSize === 0) this.#serviceAcceptSize = length;
    else if (length === this.#serviceAcceptSize - 16) this.#attempt(true);
    else if (this.#failureSize === 0) {
      // The first refusal is of the method "none", by which clients ask what there is; a long answer is a banner.
      if (length - this.#serviceAcceptSize <= 256) this.#failureSize = length;
    } else if (length === this.#failureSize) this.#attempt(false);
  }

  #attempt(success: boolean): void {
    this.#authSuccess = success;
    this.#authAttempts++;
    if (success) this.#log();
  }

  #log(): void {
    this.#logged = true;
    this.#c.write(sshLog, {
      ts: this.#tsNs,
      version: this.#version(),
      auth_success: this.#authSuccess,
      auth_attempts: this.#authAttempts,
      client: this.#client,
      server: this.#server,
      ...this.#chosen,
      host_key_fingerprint: this.#fingerprint,
    });
  }

  /** The version both speak: 1.99 speaks 1 and 2; 0 where there is none. */
  #version(): number | undefined {
    if (this.#client === undefined || this.#server === undefined) return undefined;
    const speaks = (line: string): readonly number[] =>
      line.startsWith("SSH-1.99") ? [2, 1] : line.startsWith("SSH-2") ? [2] : line.startsWith("SSH-1") ? [1] : [];
    const server = speaks(this.#server);
    return speaks(this.#client).find((version) => server.includes(version)) ?? 0;
  }
}

function readAlgorithms(payload: Uint8Array): Algorithms {
  const c = new Cursor(payload, 1 + COOKIE);
  const list = (): string[] => {
    const text = c.text(c.u32());
    return text === "" ? [] : text.split(",").slice(0, 200);
  };
  const kex = list();
  const hostKey = list();
  return { kex, hostKey, ciphers: [list(), list()], macs: [list(), list()], compressions: [list(), list()] };
}

function agreed(client: readonly string[], server: readonly string[]): string {
  return client.find((name) => server.includes(name)) ?? "Algorithm negotiation failed";
}

function bothWays(client: Algorithms["ciphers"], server: Algorithms["ciphers"]): string {
  const toServer = agreed(client[0], server[0]);
  const toClient = agreed(client[1], server[1]);
  return toServer === toClient ? toServer : `To server: ${toServer}, to client: ${toClient}`;
}

export const ssh: Protocol = { app: "ssh", logs: [sshLog], open: (connection) => new SshParser(connection) };

/**
 * A client of a Network Block Device server on a unix socket, for reading: fixed newstyle handshake, NBD_OPT_GO, simple
 * replies (the NBD project's doc/proto.md).
 */
import { connect, type Socket } from "node:net";
import { TapscopeError } from "../../../core/errors.ts";
import { type BlockDevice, checkRange, DamagedError, toSafeNumber } from "../device.ts";

const NBDMAGIC = 0x4e42444d41474943n;
const IHAVEOPT = 0x49484156454f5054n;
const OPTION_REPLY_MAGIC = 0x3e889045565a9n;
const REQUEST_MAGIC = 0x25609513;
const SIMPLE_REPLY_MAGIC = 0x67446698;
const FLAG_FIXED_NEWSTYLE = 1;
const FLAG_NO_ZEROES = 2;
const OPT_GO = 7;
const REP_ACK = 1;
const REP_INFO = 3;
const INFO_EXPORT = 0;
const CMD_READ = 0;
const CMD_DISC = 2;
/** A server may refuse more at once (proto.md, "Block size constraints": 32 MiB). */
const MAX_READ = 8 << 20;
const HANDSHAKE_MS = 10_000;

/** The default export of an NBD server. Disposing disconnects. */
export class NbdDevice implements BlockDevice {
  readonly size: number;
  readonly #socket: Socket;
  readonly #input: Input;
  /** Requests go out one after the other: replies then come in the same order. */
  #last: Promise<unknown> = Promise.resolve();
  #cookie = 0;

  private constructor(socket: Socket, input: Input, size: number) {
    this.#socket = socket;
    this.#input = input;
    this.size = size;
  }

  /** @throws TapscopeError `E_NBD` when the server does not answer as one, or refuses. */
  static async connect(path: string): Promise<NbdDevice> {
    const socket = connect(path);
    const input = new Input(socket);
    socket.setTimeout(HANDSHAKE_MS, () => socket.destroy(new Error(`no answer within ${HANDSHAKE_MS} ms`)));
    try {
      const size = await shakeHands(socket, input);
      socket.setTimeout(0);
      return new NbdDevice(socket, input, size);
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  async read(offset: number, length: number, into: Buffer): Promise<void> {
    checkRange(this, offset, length, "disk");
    for (let done = 0; done < length; done += MAX_READ) {
      const part = Math.min(MAX_READ, length - done);
      const reply = this.#last.then(() => this.#readOnce(offset + done, into.subarray(done, done + part)));
      this.#last = reply.catch(() => {});
      await reply;
    }
  }

  async #readOnce(offset: number, into: Buffer): Promise<void> {
    const cookie = BigInt(++this.#cookie);
    this.#socket.write(request(CMD_READ, cookie, offset, into.length));
    const reply = await this.#input.take(16);
    if (reply.readUInt32BE(0) !== SIMPLE_REPLY_MAGIC || reply.readBigUInt64BE(8) !== cookie) {
      throw protocolError("an answer that belongs to no request");
    }
    const error = reply.readUInt32BE(4);
    if (error !== 0)
      throw new DamagedError(`the image cannot be read at byte ${offset} of the disk (NBD error ${error})`);
    await this.#input.takeInto(into);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#socket.destroyed) this.#socket.end(request(CMD_DISC, 0n, 0, 0));
    this.#socket.destroy();
  }
}

async function shakeHands(socket: Socket, input: Input): Promise<number> {
  const hello = await input.take(18);
  if (hello.readBigUInt64BE(0) !== NBDMAGIC || hello.readBigUInt64BE(8) !== IHAVEOPT)
    throw protocolError("no NBD greeting");
  const flags = hello.readUInt16BE(16);
  if (!(flags & FLAG_FIXED_NEWSTYLE)) throw protocolError("only the old handshake");
  // Client flags, then NBD_OPT_GO for the default export ("") without asking for further information.
  const option = Buffer.alloc(4 + 16 + 6);
  option.writeUInt32BE(FLAG_FIXED_NEWSTYLE | (flags & FLAG_NO_ZEROES), 0);
  option.writeBigUInt64BE(IHAVEOPT, 4);
  option.writeUInt32BE(OPT_GO, 12);
  option.writeUInt32BE(6, 16);
  socket.write(option);
  let size: number | null = null;
  for (;;) {
    const head = await input.take(20);
    if (head.readBigUInt64BE(0) !== OPTION_REPLY_MAGIC) throw protocolError("no answer to an option");
    const [type, length] = [head.readUInt32BE(12), head.readUInt32BE(16)];
    if (length > 65536) throw protocolError("an answer that is too long");
    const data = await input.take(length);
    if (type === REP_ACK && size !== null) return size;
    if (type & 0x80000000) throw protocolError(`a refusal: ${data.toString("utf8") || `0x${type.toString(16)}`}`);
    if (type === REP_INFO && length >= 12 && data.readUInt16BE(0) === INFO_EXPORT) {
      size = toSafeNumber(data.readBigUInt64BE(2), "the export's size");
    }
  }
}

function request(type: number, cookie: bigint, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(28);
  bytes.writeUInt32BE(REQUEST_MAGIC, 0);
  bytes.writeUInt16BE(type, 6);
  bytes.writeBigUInt64BE(cookie, 8);
  bytes.writeBigUInt64BE(BigInt(offset), 16);
  bytes.writeUInt32BE(length, 24);
  return bytes;
}

function protocolError(what: string): TapscopeError {
  return new TapscopeError("E_NBD", `cannot talk to the NBD server: it sent ${what}`);
}

/** Hands out a socket's bytes in exact pieces. One taker at a time. */
class Input {
  readonly #socket: Socket;
  #target: Buffer = Buffer.alloc(0);
  #filled = 0;
  #done: (() => void) | null = null;
  #fail: ((error: Error) => void) | null = null;
  #error: Error | null = null;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("readable", () => this.#pull());
    socket.on("error", (error) => this.#end(error));
    socket.on("close", () => this.#end(new Error("the connection was closed")));
  }

  async take(length: number): Promise<Buffer> {
    const into = Buffer.allocUnsafe(length);
    await this.takeInto(into);
    return into;
  }

  takeInto(into: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#target = into;
      this.#filled = 0;
      this.#done = resolve;
      this.#fail = reject;
      this.#pull();
    });
  }

  #pull(): void {
    while (this.#done && this.#filled < this.#target.length) {
      const want = this.#target.length - this.#filled;
      const chunk: Buffer | null = this.#socket.read(Math.min(want, this.#socket.readableLength)) ?? null;
      if (chunk === null || chunk.length === 0) break;
      chunk.copy(this.#target, this.#filled);
      this.#filled += chunk.length;
    }
    if (this.#done && this.#filled === this.#target.length) {
      const done = this.#done;
      this.#done = null;
      this.#fail = null;
      done();
    } else if (this.#error) this.#end(this.#error);
  }

  #end(error: Error): void {
    this.#error ??= error;
    const fail = this.#fail;
    this.#done = null;
    this.#fail = null;
    fail?.(new TapscopeError("E_NBD", `cannot read from the NBD server: ${error.message}`, { cause: error }));
  }
}

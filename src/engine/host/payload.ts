/**
 * The host's part in finding out what connections speak (engine/apps/host.ts): ClientHellos over several segments, QUIC's keys, the ends
 * that FTP and SIP announce. Rows are addresses; all of it is bounded.
 */

/** What can read payload that takes more than looking at it; `service/` has the readers. */
export interface PayloadReaders {
  /** Reads what one client of QUIC sends; gives its handshake without a gap as a TLS record whenever more of it is known. */
  quicClient(): { add(datagram: Uint8Array): Uint8Array | undefined };
  /** Where a line of FTP says that data will go; without an address: to whoever says so. */
  ftpDataEnd(line: Uint8Array): { readonly ipv4: readonly number[] | undefined; readonly port: number } | undefined;
  /** Where a session description says that media will go. */
  mediaEnds(message: Uint8Array): readonly { readonly address: readonly number[]; readonly port: number }[];
}

/** What is needed of the engine. */
export interface PayloadEngine {
  /** Its memory; asked for at each use, as it may have grown. */
  readonly bytes: Uint8Array;
  /** Where the host may put bytes. */
  readonly scratch: number;
  /** Where it looks up, by port, whether a connection was announced. */
  readonly expectedPorts: number;
  /** Looks for the server name in the TLS record put there: HELLO_GOES_ON, or it is kept, or there is none. */
  keepHelloName(row: number, length: number): number;
}

/** `keepHelloName`: more of the ClientHello is needed. */
const HELLO_GOES_ON = 0;
/** The connection has its name now. */
const HELLO_NAMED = 1;

/** What `quicDatagram` answers: nothing could be read, a handshake, and with it the connection's name. */
const QUIC_NOTHING = 0;
const QUIC_HANDSHAKE = 1;
const QUIC_NAMED = 2;

/** ClientHellos that are put together, of either kind, and bytes of each. */
const MAX_HELLOS = 10_000;
const MAX_HELLO = 16_384;
/** Ends that FTP or SIP has announced and nobody has used. */
const MAX_EXPECTED = 10_000;

interface Hello {
  readonly bytes: Buffer;
  /** The sequence number with which it goes on. */
  readonly next: number;
}

/** The functions the engine imports. */
export class PayloadHost {
  readonly #engine: PayloadEngine;
  readonly #readers: PayloadReaders | undefined;
  readonly #hellos = new Map<number, Hello>();
  readonly #clients = new Map<number, ReturnType<PayloadReaders["quicClient"]>>();
  /** Address and port of each end that was announced. */
  readonly #expected = new Set<string>();

  constructor(engine: PayloadEngine, readers: PayloadReaders | undefined) {
    this.#engine = engine;
    this.#readers = readers;
  }

  readonly imports = {
    quicDatagram: (row: number, at: number, length: number): number => this.#quicDatagram(row, at, length),
    helloSegment: (row: number, at: number, length: number, sequence: number): number =>
      Number(this.#helloSegment(row, at, length, sequence >>> 0)),
    ftpAnnouncement: (at: number, length: number, speaker: number, size: number): void => {
      const end = this.#readers?.ftpDataEnd(this.#slice(at, length));
      if (end) this.#expect(end.ipv4 ?? this.#slice(speaker, size), end.port);
    },
    sessionDescription: (at: number, length: number): void => {
      for (const { address, port } of this.#readers?.mediaEnds(this.#slice(at, length)) ?? []) {
        this.#expect(address, port);
      }
    },
    isExpected: (address: number, size: number, port: number): number =>
      Number(this.#expected.delete(endpoint(this.#slice(address, size), port))),
    forgetPayload: (row: number): void => {
      this.#hellos.delete(row);
      this.#clients.delete(row);
    },
  };

  #slice(at: number, length: number): Uint8Array {
    return this.#engine.bytes.subarray(at, at + length);
  }

  #quicDatagram(row: number, at: number, length: number): number {
    let client = this.#clients.get(row);
    if (!client) {
      if (!this.#readers || this.#clients.size >= MAX_HELLOS) return QUIC_NOTHING;
      client = this.#readers.quicClient();
      this.#clients.set(row, client);
    }
    const record = client.add(this.#slice(at, length));
    if (record === undefined) return QUIC_NOTHING;
    return this.#ask(row, record) === HELLO_NAMED ? QUIC_NAMED : QUIC_HANDSHAKE;
  }

  /** Puts a ClientHello together from segments that follow one another. @returns whether nothing more is to be found */
  #helloSegment(row: number, at: number, length: number, sequence: number): boolean {
    const begun = this.#hellos.get(row);
    if (begun ? sequence !== begun.next : this.#hellos.size >= MAX_HELLOS) return false;
    const segment = this.#slice(at, length);
    const bytes = begun ? Buffer.concat([begun.bytes, segment]) : Buffer.from(segment);
    if (bytes.length > MAX_HELLO || (begun && this.#ask(row, bytes) !== HELLO_GOES_ON)) return true;
    this.#hellos.set(row, { bytes, next: (sequence + length) >>> 0 });
    return false;
  }

  #ask(row: number, record: Uint8Array): number {
    this.#engine.bytes.set(record, this.#engine.scratch);
    return this.#engine.keepHelloName(row, record.length);
  }

  #expect(address: ArrayLike<number>, port: number): void {
    if (this.#expected.size >= MAX_EXPECTED) return;
    this.#expected.add(endpoint(address, port));
    this.#engine.bytes[this.#engine.expectedPorts + port] = 1;
  }
}

function endpoint(address: ArrayLike<number>, port: number): string {
  return `${Array.from(address).join(".")}:${port}`;
}

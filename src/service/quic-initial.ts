/** The beginning of a TLS handshake in QUIC, from what one client sends: its ClientHello stands in Initial packets (quic-packets.ts). */
import { CryptoStream, decryptInitial, initialFrames, readQuicPacket } from "./quic-packets.ts";

/** A TLS record of a handshake, and its header. */
const HANDSHAKE = 22;
const HEADER = 5;
/** Bytes of handshake that are put together for a name. */
const MAX_HANDSHAKE = 16_384;
const MAX_PACKETS = 4;

export class QuicClient {
  readonly #stream = new CryptoStream();
  #record = Buffer.from([HANDSHAKE, 0, 0, 0, 0]);
  /** What the keys follow from: the destination of the first Initial packet, or of the first after a Retry. */
  #dcid: Uint8Array | undefined;

  /**
   * Takes a datagram of the client's.
   * @returns what is known of the handshake without a gap, as a TLS record; undefined where the datagram brought nothing new
   */
  add(datagram: Uint8Array): Uint8Array | undefined {
    const before = this.#record.length;
    let rest = datagram;
    // Several packets may share a datagram.
    for (let packets = 0; packets < MAX_PACKETS && rest.length > 0; packets++) {
      const packet = readQuicPacket(rest);
      if (packet?.type !== "initial") break;
      rest = rest.subarray(packet.bytes.length);
      this.#dcid ??= Uint8Array.from(packet.dcid);
      let frames = decryptInitial(packet, this.#dcid, true);
      if (!frames) {
        frames = decryptInitial(packet, packet.dcid, true);
        if (!frames) break;
        this.#dcid = Uint8Array.from(packet.dcid);
      }
      for (const frame of initialFrames(frames)) {
        const more = frame.type === "crypto" ? this.#stream.add(frame.offset, frame.bytes) : undefined;
        if (more && this.#record.length + more.length <= HEADER + MAX_HANDSHAKE) {
          this.#record = Buffer.concat([this.#record, more]);
        }
      }
    }
    return this.#record.length > before ? this.#record : undefined;
  }
}

/** What the engine asks its host (host/payload.ts) about payload that takes more than looking at it: keys, text, memory of earlier packets. */
import { Row } from "../generated/layouts";

/** What `quicDatagram` says: nothing could be read, a handshake, and with it the connection's name. */
export const NOTHING_FOUND: i32 = 0;
export const NAME_FOUND: i32 = 2;

/** A datagram of a QUIC client. */
export declare function quicDatagram(row: Row, at: i32, length: i32): i32;

/** A segment of a ClientHello that needs more than one. @returns whether its name is known now, or cannot be found any more */
export declare function helloSegment(row: Row, at: i32, length: i32, sequence: u32): bool;

/** A line of FTP that says where data will go; `speaker` is the address (`size` bytes of it) of who says so. */
export declare function ftpAnnouncement(at: i32, length: i32, speaker: usize, size: i32): void;

/** A message of SIP with a session description: where media will go. */
export declare function sessionDescription(at: i32, length: i32): void;

/** Whether a connection to or from this end has been announced; it is expected once. */
export declare function isExpected(address: usize, size: i32, port: i32): bool;

/** The row is done with, or used for another connection: what the host keeps of it can go. */
export declare function forgetPayload(row: Row): void;

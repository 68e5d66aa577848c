/** What the engine asks its host (host/payload.ts) about payload that takes more than looking at it: keys, text, memory of earlier packets. */
import { Row } from "../generated/layouts";

/** A datagram of a QUIC client. @returns whether the connection's name is known now */
export declare function quicDatagram(row: Row, at: i32, length: i32): bool;

/** A segment of a ClientHello that needs more than one. @returns whether its name is known now, or cannot be found any more */
export declare function helloSegment(row: Row, at: i32, length: i32, sequence: u32): bool;

/**
 * A line of FTP that says where data will go; `speaker` is the address (`size` bytes of it) of who says so.
 * @returns the port, 0 for none
 */
export declare function ftpAnnouncement(at: i32, length: i32, speaker: usize, size: i32): i32;

/** Whether FTP has announced a connection to this end; it is expected once. */
export declare function isExpected(address: usize, size: i32, port: i32): bool;

/** The row is done with, or used for another connection: what the host keeps of it can go. */
export declare function forgetPayload(row: Row): void;

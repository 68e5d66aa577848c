/** What the engine's host needs of application protocols to find names (engine/host/payload.ts). */
import type { PayloadReaders } from "../engine/host/payload.ts";
import { ftpDataEnd } from "./ftp-data.ts";
import { QuicClient } from "./quic-initial.ts";

export const payloadReaders: PayloadReaders = { quicClient: () => new QuicClient(), ftpDataEnd };

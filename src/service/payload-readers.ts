/** What the engine's host needs of application protocols to find names and announced connections (engine/host/payload.ts). */
import type { PayloadReaders } from "../engine/host/payload.ts";
import { ftpDataEnd } from "./ftp-data.ts";
import { QuicClient } from "./quic-initial.ts";
import { mediaEnds } from "./sdp.ts";

export const payloadReaders: PayloadReaders = { quicClient: () => new QuicClient(), ftpDataEnd, mediaEnds };

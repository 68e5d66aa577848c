/** docs/reference/protocol-logs.md: the logs that `tapscope zeek` writes, from their schemas. */
import { filesLog } from "./files.ts";
import type { LogSchema } from "./log/schema.ts";
import { PROTOCOLS } from "./protocols.ts";
import { weirdLog } from "./weird.ts";

/** All logs besides conn, each once, in the order of the alphabet. */
export function allLogs(): readonly LogSchema[] {
  const logs = new Map<string, LogSchema>();
  for (const schema of [...PROTOCOLS.flatMap(({ logs: own }) => own), filesLog, weirdLog])
    logs.set(schema.path, schema);
  return [...logs.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

export function protocolLogsPage(): string {
  const fields = ({ path, fields: all }: LogSchema): string =>
    `| \`${path}\` | ${all.map(({ name, type }) => `\`${name}\` ${type}`).join(", ")} |`;
  return `${HEAD}\n| log | fields and Zeek's types |\n| --- | --- |\n${allLogs().map(fields).join("\n")}\n${NOTES}`;
}

const HEAD = `# Protocol logs

What \`tapscope zeek\` writes besides \`conn.log\` (whose fields are in [conn-records.md](conn-records.md)): Zeek's logs, with Zeek's names and types, linked by
\`uid\`. A log is complete in Zeek's fields or not written at all. \`ja3\` and \`ja4\` in \`ssl\` are additions; everything else is Zeek's.
`;

const NOTES = `
## How rows come about

- A connection's protocol is recognised by its payload (see [services.md](services.md)), not by its port. Its parser gets TCP payload in the order of the
  stream, each byte once, and UDP payload datagram by datagram; bytes that were never captured are a gap, after which a parser goes on where it can.
- Text is what was on the wire: valid UTF-8 stays, other bytes and control characters are \`\\xNN\`, as Zeek writes them. Passwords are never logged.
- A compressed HTTP body counts its bytes without compression (gzip and deflate; others as they are).
- File types come from the first bytes of a file. Hashes only with \`--hash-files\`.
- \`fuid\` and \`uid\` are hashes of the connection, the same every time a capture is read; Zeek's are random.

## Where they differ from Zeek

| log | what | why |
| --- | --- | --- |
| all | rows of packets with a bad checksum are there | Zeek without \`-C\` ignores such packets; at a mirror on the host checksums are often not computed yet |
| all | no row for a connection whose payload is not recognised | Zeek also tries the parser of a known port |
| \`http\` | the type of a body of less than ten bytes, and of a 206 reply with a wrong range | Zeek does not look at those |
| \`ssh\` | \`host_key_fingerprint\` has Zeek's 32 characters | they are the first 24 bytes of the digest that \`ssh-keygen -l\` shows whole; \`direction\` is unset, as local networks are not configured |
| \`ssl\` | a resumed or encrypted handshake shows no certificates | nothing is decrypted |
| \`files\` | parts of one file in several range requests are files of their own | Zeek joins them by URL |
| \`weird\` | parsers report contradictions under Zeek's names where it has one; \`peer\` is \`tapscope\` | Zeek has some hundred more |

Not written: dce_rpc, dnp3, irc, kerberos, mqtt, ntlm, pe, radius, rdp, rfb, smb_cmd, smb_files, smb_mapping, snmp, and Zeek's logs about itself
(stats, loaded_scripts, packet_filter, notice, known_*, software).
`;

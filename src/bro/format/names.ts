/**
 * Names of log files: `conn.log`; rotated `conn.2026-11-23-10-00-00.log` (Zeek), `conn-26-11-23_10.00.00.log`,
 * `2026-11-23/conn.10:00:00-11:00:00.log.gz` (zeekctl); `json_streaming_conn.log.1`; `.shadow.conn.log` is not one.
 */

const LOG = /\.log(?:\.|$)/;
/** What zeekctl writes into the same folder; they are no logs of Zeek's framework. */
const NO_LOG = /^(?:stdout|stderr)\.log|^\.shadow\./;
const COMPRESSED = /\.(?:gz|zst|lz4)$/;

/** Whether a file of this name (its last part) may be a log, as far as the name says. */
export function isLogName(name: string): boolean {
  return LOG.test(name) && !NO_LOG.test(name);
}

/** `conn` of any of the names above. */
export function kindOfName(name: string): string {
  return /^\.?(?:json_streaming_)?([A-Za-z0-9_]+)/.exec(name)?.[1] ?? name;
}

/** The name without the ending of a compression. */
export function withoutCompression(name: string): string {
  return name.replace(COMPRESSED, "");
}

/** NTP (RFC 5905 §7.3): each message a row of ntp.log. */
import { Cursor, ipv4Text, latin1 } from "./cursor.ts";
import { CONNECTION_FIELDS, logSchema } from "./log/schema.ts";
import type { Connection, Parser, Protocol } from "./protocol.ts";

export const ntpLog = logSchema("ntp", {
  ...CONNECTION_FIELDS,
  version: "count",
  mode: "count",
  stratum: "count",
  poll: "interval",
  precision: "interval",
  root_delay: "interval",
  root_disp: "interval",
  ref_id: "string",
  ref_time: "time",
  org_time: "time",
  rec_time: "time",
  xmt_time: "time",
  num_exts: "count",
});

const LENGTH = 48;
/** A message authentication code, of at most this size, may follow the extensions. */
const MAX_MAC = 24;
/** Seconds from 1900 to 1970. */
const ERA = 2_208_988_800;

/** To the microsecond, as logs have it. */
const seconds = (value: number): bigint => BigInt(Math.round(value * 1e6)) * 1000n;
const shortFormat = (value: number): bigint => seconds(value / 65_536);

/**
 * An NTP timestamp; 0 stands for none. Computed in a double, as Zeek does: the microsecond that it shows is up to one off, and
 * rows can be compared.
 */
function timestamp(c: Cursor): bigint {
  const whole = c.u32();
  const fraction = c.u32();
  if (whole === 0 && fraction === 0) return 0n;
  const [second, micros] = (whole - ERA + fraction / 2 ** 32).toFixed(6).split(".");
  const ns = BigInt(second!.replace("-", "")) * 1_000_000_000n + BigInt(micros!) * 1000n;
  return second!.startsWith("-") ? -ns : ns;
}

function referenceId(bytes: Uint8Array, stratum: number): string {
  return stratum <= 1 ? latin1(bytes) : ipv4Text(bytes);
}

class NtpParser implements Parser {
  readonly #c: Connection;

  constructor(c: Connection) {
    this.#c = c;
  }

  data(_fromOrig: boolean, bytes: Uint8Array): void {
    const c = new Cursor(bytes);
    const first = c.u8();
    const mode = first & 7;
    // 6 and 7 are control and private messages of another form.
    if (bytes.length < LENGTH || mode > 5) return;
    const stratum = c.u8();
    const poll = (c.u8() << 24) >> 24;
    const precision = (c.u8() << 24) >> 24;
    const rootDelay = c.u32();
    const rootDispersion = c.u32();
    const id = c.take(4);
    this.#c.write(ntpLog, {
      ts: this.#c.nowNs,
      version: (first >> 3) & 7,
      mode,
      stratum,
      poll: seconds(2 ** poll),
      precision: seconds(2 ** precision),
      root_delay: shortFormat(rootDelay),
      root_disp: shortFormat(rootDispersion),
      ref_id: referenceId(id, stratum),
      ref_time: timestamp(c),
      org_time: timestamp(c),
      rec_time: timestamp(c),
      xmt_time: timestamp(c),
      num_exts: extensions(c),
    });
  }
}

function extensions(c: Cursor): number {
  let count = 0;
  while (c.left > MAX_MAC) {
    c.skip(2);
    const length = c.u16();
    if (length < 4 || length - 4 > c.left) break;
    c.skip(length - 4);
    count++;
  }
  return count;
}

export const ntp: Protocol = { app: "ntp", logs: [ntpLog], open: (connection) => new NtpParser(connection) };

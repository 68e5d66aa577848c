/** Syslog (RFC 3164, RFC 5424) over UDP: each message a row of syslog.log. */
import { latin1 } from "./cursor.ts";
import { CONNECTION_FIELDS, logSchema } from "./log/schema.ts";
import type { Parser, Protocol } from "./protocol.ts";

export const syslogLog = logSchema("syslog", {
  ...CONNECTION_FIELDS,
  proto: "enum",
  facility: "string",
  severity: "string",
  message: "string",
});

const FACILITIES =
  "KERN USER MAIL DAEMON AUTH SYSLOG LPR NEWS UUCP CRON AUTHPRIV FTP NTP AUDIT ALERT CLOCK LOCAL0 LOCAL1 LOCAL2 LOCAL3 LOCAL4 LOCAL5 LOCAL6 LOCAL7".split(
    " ",
  );
const SEVERITIES = "EMERG ALERT CRIT ERR WARNING NOTICE INFO DEBUG".split(" ");
const UNSPECIFIED = "UNSPECIFIED";

export const syslog: Protocol = {
  app: "syslog",
  logs: [syslogLog],
  open: (c): Parser => ({
    data(_fromOrig, bytes) {
      const match = /^<(\d{1,3})>(.*)$/s.exec(latin1(bytes));
      const priority = match ? Number(match[1]) : -1;
      c.write(syslogLog, {
        ts: c.nowNs,
        proto: c.transport,
        facility: FACILITIES[priority >> 3] ?? UNSPECIFIED,
        severity: priority < 0 ? UNSPECIFIED : SEVERITIES[priority & 7],
        message: (match?.[2] ?? latin1(bytes)).replace(/[\r\n\0]+$/, ""),
      });
    },
  }),
};

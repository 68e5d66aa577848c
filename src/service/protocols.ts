/** The application protocols that have a parser, one row each. */
import { dhcp } from "./dhcp.ts";
import { dns } from "./dns.ts";
import { ftp, ftpData } from "./ftp.ts";
import { http } from "./http.ts";
import { ldap } from "./ldap.ts";
import { modbus } from "./modbus.ts";
import { mysql } from "./mysql.ts";
import { ntp } from "./ntp.ts";
import type { Protocol } from "./protocol.ts";
import { quic } from "./quic.ts";
import { redis } from "./redis.ts";
import { sip } from "./sip.ts";
import { smtp } from "./smtp.ts";
import { socks } from "./socks.ts";
import { ssh } from "./ssh.ts";
import { syslog } from "./syslog.ts";
import { dtls, tls } from "./tls.ts";
import { startTls, tunnelled } from "./upgrade.ts";

export const PROTOCOLS: readonly Protocol[] = [
  dns,
  http,
  { ...http, app: "websocket" },
  tls,
  dtls,
  quic,
  ssh,
  ftp,
  ftpData,
  smtp,
  dhcp,
  ntp,
  syslog,
  ldap,
  redis,
  modbus,
  socks,
  mysql,
  sip,
  tunnelled,
  ...startTls,
  { ...dns, app: "mdns" },
  { ...dns, app: "llmnr" },
  { ...dns, app: "netbios" },
];

const BY_APP: ReadonlyMap<string, Protocol> = new Map(PROTOCOLS.map((protocol) => [protocol.app, protocol]));

export function protocolOf(app: string): Protocol | undefined {
  return BY_APP.get(app);
}

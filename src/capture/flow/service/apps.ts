/** The application protocols that can be told apart: Zeek's name for each (`service`), the finer one (`app`), and usual ports. */

export interface App {
  readonly app: string;
  /** What `appNumber` knows it by, where several share an app's name. */
  readonly key?: string;
  /** Zeek's name; undefined where Zeek has no analyzer for it. */
  readonly service?: string;
  /** Ports of its servers: used alone only for connections that never carried a byte. */
  readonly tcp?: readonly number[];
  readonly udp?: readonly number[];
}

export const APPS = [
  { app: "" },
  { app: "dns", service: "dns", tcp: [53], udp: [53] },
  { app: "mdns", service: "dns", udp: [5353] },
  { app: "llmnr", service: "dns", udp: [5355] },
  { app: "netbios", service: "dns", udp: [137] },
  { app: "netbios-dgm", udp: [138] },
  { app: "tls", service: "ssl", tcp: [443, 853, 993, 995, 465, 636, 8443] },
  // Seen from the middle: Zeek, which wants the handshake, has no name for it.
  { app: "tls", key: "tls-records" },
  { app: "dtls", service: "ssl" },
  { app: "quic", service: "quic", udp: [443] },
  { app: "http", service: "http", tcp: [80, 8080, 8000, 3128] },
  { app: "websocket", service: "http,websocket" },
  { app: "ssh", service: "ssh", tcp: [22] },
  { app: "ftp", service: "ftp", tcp: [21] },
  { app: "smtp", service: "smtp", tcp: [25, 587] },
  { app: "pop3", service: "pop3", tcp: [110] },
  { app: "imap", service: "imap", tcp: [143] },
  { app: "irc", service: "irc", tcp: [6667] },
  { app: "dhcp", service: "dhcp", udp: [67, 68] },
  { app: "dhcpv6", udp: [546, 547] },
  { app: "ntp", service: "ntp", udp: [123] },
  { app: "snmp", service: "snmp", udp: [161, 162] },
  { app: "syslog", service: "syslog", udp: [514], tcp: [514] },
  { app: "radius", service: "radius", udp: [1812, 1813] },
  { app: "sip", service: "sip", udp: [5060], tcp: [5060] },
  { app: "rtsp", tcp: [554] },
  { app: "ssdp", udp: [1900] },
  { app: "stun", udp: [3478] },
  { app: "tftp", udp: [69] },
  { app: "kerberos", key: "kerberos-udp", service: "krb", udp: [88] },
  { app: "kerberos", key: "kerberos-tcp", service: "krb_tcp", tcp: [88] },
  { app: "ldap", key: "ldap-tcp", service: "ldap_tcp", tcp: [389] },
  { app: "ldap", key: "ldap-udp", service: "ldap_udp", udp: [389] },
  { app: "smb", service: "smb", tcp: [445] },
  { app: "netbios-ssn", tcp: [139] },
  { app: "rdp", service: "rdp", tcp: [3389] },
  { app: "mysql", service: "mysql", tcp: [3306] },
  { app: "postgres", service: "postgresql", tcp: [5432] },
  { app: "redis", service: "redis", tcp: [6379] },
  { app: "mssql", tcp: [1433] },
  { app: "mqtt", service: "mqtt", tcp: [1883] },
  { app: "amqp", tcp: [5672] },
  { app: "modbus", service: "modbus", tcp: [502] },
  { app: "bittorrent" },
  { app: "bgp", tcp: [179] },
  { app: "telnet", tcp: [23] },
  { app: "vnc", service: "rfb", tcp: [5900] },
  { app: "rsync", tcp: [873] },
  { app: "xmpp", service: "xmpp", tcp: [5222, 5269] },
  { app: "ipsec", udp: [500, 4500] },
  { app: "openvpn", udp: [1194] },
  { app: "wireguard", udp: [51820] },
  { app: "nfs", tcp: [2049], udp: [2049] },
  { app: "rpc", tcp: [111], udp: [111] },
  { app: "dce_rpc", service: "dce_rpc", tcp: [135] },
  { app: "gtpv1", service: "gtpv1", udp: [2152, 2123] },
  { app: "vxlan", service: "vxlan" },
  { app: "geneve", service: "geneve" },
  { app: "teredo", service: "teredo" },
  { app: "ayiya", service: "ayiya" },
  { app: "ftp-data", service: "ftp-data", tcp: [20] },
] as const satisfies readonly App[];

/** Index into APPS; 0 is "not known". */
export type AppNumber = number;

const numbers = new Map((APPS as readonly App[]).map(({ key, app }, index) => [key ?? app, index]));

/** The number of an app by its key, or else its name. */
export function appNumber(name: string): AppNumber {
  const number = numbers.get(name);
  if (number === undefined) throw new Error(`no app is called ${name}`);
  return number;
}

const byPort = { tcp: new Map<number, AppNumber>(), udp: new Map<number, AppNumber>() };
for (const [index, entry] of (APPS as readonly App[]).entries()) {
  for (const port of entry.tcp ?? []) if (!byPort.tcp.has(port)) byPort.tcp.set(port, index);
  for (const port of entry.udp ?? []) if (!byPort.udp.has(port)) byPort.udp.set(port, index);
}

/** What usually listens on a port; 0 for nothing known. */
export function appOfPort(transport: "tcp" | "udp", port: number): AppNumber {
  return byPort[transport].get(port) ?? 0;
}

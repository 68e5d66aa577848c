/**
 * The application protocols that can be told apart, in the order in which a payload is compared with them. From this table both sides are
 * generated: the engine's matching, names and ports, and what the rest of the program knows of them.
 *
 * A row with `tcp` or `udp` under `recognised` needs a file `apps/<name>.ts` with `overTcp()` or `overUdp()`: whether the payload at hand
 * is that protocol's.
 */

export type Transport = "tcp" | "udp";

export interface App {
  /** The file's name, and what `app` in a record holds unless `app` is given. */
  readonly name: string;
  readonly app?: string;
  /** What it is, for the documentation. */
  readonly about: string;
  /** Zeek's name, where it has an analyzer for it; some differ by transport. */
  readonly service?: string | Readonly<Record<Transport, string>>;
  /** The transports in whose payload it is looked for; absent for what is known from elsewhere. */
  readonly recognised?: readonly Transport[];
  /** The app whose connection has announced it, or gone on as it. */
  readonly parent?: string;
  /** Ports of its servers: used alone only for connections that never carried a byte. */
  readonly tcp?: readonly number[];
  readonly udp?: readonly number[];
  /** `apps/<name>.ts` has `follow(row)`, which finds a name or more; it returns whether there is nothing left to find. */
  readonly follows?: true;
  /** The connection may go on as TLS: STARTTLS, CONNECT. */
  readonly mayStartTls?: true;
  /** Another protocol may follow, which `follow` recognises: more packets are looked at. */
  readonly mayChange?: true;
  /** The tunnel (tables/tunnels.ts) whose packets it carries: the decoder knows it by that. */
  readonly carries?: string;
}

export const APPS = [
  { name: "dns", about: "DNS", service: "dns", recognised: ["udp", "tcp"], tcp: [53], udp: [53], follows: true },
  { name: "mdns", about: "multicast DNS", service: "dns", recognised: ["udp"], udp: [5353], follows: true },
  {
    name: "llmnr",
    about: "link-local name resolution",
    service: "dns",
    recognised: ["udp"],
    udp: [5355],
    follows: true,
  },
  { name: "netbios", about: "NetBIOS name service", service: "dns", recognised: ["udp"], udp: [137] },
  { name: "netbios-dgm", about: "NetBIOS datagrams", recognised: ["udp"], udp: [138] },
  { name: "ntp", about: "NTP", service: "ntp", recognised: ["udp"], udp: [123], follows: true },
  { name: "dhcp", about: "DHCP and BOOTP", service: "dhcp", recognised: ["udp"], udp: [67, 68] },
  { name: "dhcpv6", about: "DHCP for IPv6", recognised: ["udp"], udp: [546, 547] },
  { name: "ipsec", about: "IKE, and ESP in UDP", recognised: ["udp"], udp: [500, 4500] },
  {
    name: "kerberos",
    about: "Kerberos",
    service: { tcp: "krb_tcp", udp: "krb" },
    recognised: ["udp", "tcp"],
    tcp: [88],
    udp: [88],
  },
  { name: "tftp", about: "TFTP", recognised: ["udp"], udp: [69] },
  { name: "openvpn", about: "OpenVPN", recognised: ["udp"], udp: [1194] },
  { name: "radius", about: "RADIUS", service: "radius", recognised: ["udp"], udp: [1812, 1813] },
  {
    name: "tls",
    about: "TLS",
    service: "ssl",
    recognised: ["tcp"],
    tcp: [443, 853, 993, 995, 465, 636, 8443],
    follows: true,
  },
  // Zeek, which wants the handshake, has no name for it.
  { name: "tls-records", app: "tls", about: "TLS seen from its middle", recognised: ["tcp"] },
  { name: "ssh", about: "SSH", service: "ssh", recognised: ["tcp"], tcp: [22] },
  {
    name: "http",
    about: "HTTP/1, and HTTP/2 without TLS",
    service: "http",
    recognised: ["tcp"],
    tcp: [80, 8080, 8000, 3128],
    follows: true,
    mayStartTls: true,
  },
  { name: "websocket", about: "WebSocket", service: "http,websocket", parent: "http" },
  { name: "smtp", about: "SMTP", service: "smtp", recognised: ["tcp"], tcp: [25, 587], mayStartTls: true },
  { name: "ftp", about: "FTP", service: "ftp", recognised: ["tcp"], tcp: [21], follows: true, mayStartTls: true },
  { name: "redis", about: "Redis", service: "redis", recognised: ["tcp"], tcp: [6379] },
  { name: "pop3", about: "POP3", service: "pop3", recognised: ["tcp"], tcp: [110], mayStartTls: true },
  { name: "imap", about: "IMAP", service: "imap", recognised: ["tcp"], tcp: [143], mayStartTls: true },
  { name: "vnc", about: "VNC", service: "rfb", recognised: ["tcp"], tcp: [5900] },
  { name: "socks", about: "SOCKS", service: "socks", recognised: ["tcp"], tcp: [1080], mayStartTls: true },
  { name: "rsync", about: "rsync", recognised: ["tcp"], tcp: [873] },
  { name: "amqp", about: "AMQP", recognised: ["tcp"], tcp: [5672] },
  { name: "quic", about: "QUIC", service: "quic", recognised: ["udp"], udp: [443], follows: true },
  { name: "stun", about: "STUN", recognised: ["udp", "tcp"], udp: [3478], tcp: [3478], follows: true, mayChange: true },
  { name: "dtls", about: "DTLS", service: "ssl", recognised: ["udp"] },
  { name: "ssdp", about: "SSDP (UPnP)", recognised: ["udp"], udp: [1900] },
  { name: "snmp", about: "SNMP", service: "snmp", recognised: ["udp"], udp: [161, 162] },
  { name: "sip", about: "SIP", service: "sip", recognised: ["udp", "tcp"], tcp: [5060], udp: [5060], follows: true },
  { name: "rtsp", about: "RTSP", recognised: ["tcp"], tcp: [554] },
  { name: "xmpp", about: "XMPP", service: "xmpp", recognised: ["tcp"], tcp: [5222, 5269], mayStartTls: true },
  { name: "irc", about: "IRC", service: "irc", recognised: ["tcp"], tcp: [6667], mayStartTls: true },
  { name: "bittorrent", about: "BitTorrent", recognised: ["udp", "tcp"] },
  { name: "telnet", about: "Telnet", recognised: ["tcp"], tcp: [23] },
  { name: "rdp", about: "RDP", service: "rdp", recognised: ["tcp"], tcp: [3389], mayStartTls: true },
  { name: "smb", about: "SMB", service: "smb", recognised: ["tcp"], tcp: [445] },
  { name: "netbios-ssn", about: "NetBIOS sessions", recognised: ["tcp"], tcp: [139] },
  { name: "dce_rpc", about: "DCE/RPC", service: "dce_rpc", recognised: ["tcp"], tcp: [135] },
  { name: "modbus", about: "Modbus", service: "modbus", recognised: ["tcp"], tcp: [502] },
  { name: "bgp", about: "BGP", recognised: ["tcp"], tcp: [179] },
  { name: "mysql", about: "MySQL", service: "mysql", recognised: ["tcp"], tcp: [3306], mayStartTls: true },
  { name: "postgres", about: "PostgreSQL", service: "postgresql", recognised: ["tcp"], tcp: [5432], mayStartTls: true },
  { name: "mqtt", about: "MQTT", service: "mqtt", recognised: ["tcp"], tcp: [1883] },
  {
    name: "ldap",
    about: "LDAP",
    service: { tcp: "ldap_tcp", udp: "ldap_udp" },
    recognised: ["udp", "tcp"],
    tcp: [389],
    udp: [389],
    mayStartTls: true,
  },
  { name: "wireguard", about: "WireGuard", recognised: ["udp"], udp: [51820] },
  { name: "nfs", about: "NFS", recognised: ["udp", "tcp"], tcp: [2049], udp: [2049] },
  { name: "rpc", about: "ONC RPC", recognised: ["udp", "tcp"], tcp: [111], udp: [111] },
  { name: "mssql", about: "Microsoft SQL Server", recognised: ["tcp"], tcp: [1433] },
  { name: "syslog", about: "syslog", service: "syslog", recognised: ["udp"], udp: [514], tcp: [514] },
  { name: "ftp-data", about: "FTP's data connections", service: "ftp-data", parent: "ftp", tcp: [20] },
  { name: "rtp", about: "RTP", parent: "sip or stun" },
  { name: "rtcp", about: "RTCP", parent: "sip or stun" },
  { name: "gtpv1", about: "GTP-U", service: "gtpv1", udp: [2152, 2123], carries: "gtpu" },
  { name: "vxlan", about: "VXLAN", service: "vxlan", carries: "vxlan" },
  { name: "geneve", about: "Geneve", service: "geneve", carries: "geneve" },
  { name: "teredo", about: "Teredo", service: "teredo", carries: "teredo" },
  { name: "ayiya", about: "AYIYA", service: "ayiya", carries: "ayiya" },
] as const satisfies readonly App[];

/**
 * Ports that Zeek with its default scripts takes for a server's (`likely_server_ports`): what decides who is the originator of a
 * connection whose beginning was not seen.
 */
export const TCP_SERVER_PORTS = [
  21, 22, 25, 53, 80, 81, 88, 110, 135, 139, 143, 389, 443, 445, 502, 563, 585, 587, 614, 631, 636, 989, 990, 992, 993,
  995, 1080, 1434, 1883, 2811, 3128, 3268, 3306, 3389, 5222, 5223, 5269, 5432, 6379, 6666, 6667, 6668, 6669, 8000, 8080,
  8888, 20000,
] as const;
export const UDP_SERVER_PORTS = [
  53, 67, 88, 123, 137, 161, 162, 389, 443, 514, 784, 1812, 2123, 2152, 3268, 3389, 3544, 4789, 5060, 5072, 5353, 5355,
  6081, 20000,
] as const;

/**
 * Responder ports whose UDP flows Zeek's DNS analyzer watches: every 10 seconds it looks whether one has been silent for 9, and
 * ends it.
 */
export const DNS_PORTS = [53, 137, 5353, 5355] as const;

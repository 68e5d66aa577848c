/** Writes the module that numbers the tunnels and asks, by port, the one that a datagram may be. */
import { TUNNELS, type Tunnel } from "../tables/tunnels.ts";

const tunnels: readonly Tunnel[] = TUNNELS;

const camel = (name: string) => name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
const constant = (name: string) => `TUNNEL_${name.replaceAll("-", "_").toUpperCase()}`;

export function tunnelsModule(): string {
  const overUdp = tunnels.filter(({ ports }) => ports !== undefined);
  const ask = (asked: readonly Tunnel[], port: string) => {
    const cases = asked.map(
      ({ name, ports = [] }) =>
        `${ports.map((number) => `    case ${number}:\n`).join("")}      ${camel(name)}.decode(p);\n      return;\n`,
    );
    return `  switch (${port}) {\n${cases.join("")}    default:\n  }\n`;
  };
  return [
    "// Made by the build from src/engine/tables/tunnels.ts: edit that.\n",
    ...overUdp.map(({ name }) => `import * as ${camel(name)} from "../decode/tunnels/${name}";\n`),
    'import { Packet } from "./layouts";\n\n',
    "export const TUNNEL_NONE: i32 = 0;\n",
    ...tunnels.map(({ name }, index) => `export const ${constant(name)}: i32 = ${index + 1};\n`),
    "\n/** Notes what a datagram carries, where a port says which tunnel it may be and its header is sane. */\n",
    "export function decodeUdpTunnel(p: Packet): void {\n",
    ask(overUdp, "p.dstPort"),
    ask(
      overUdp.filter(({ bothWays }) => bothWays),
      "p.srcPort",
    ),
    ...overUdp.filter(({ anyPort }) => anyPort).map(({ name }) => `  ${camel(name)}.recognise(p);\n`),
    "}\n",
  ].join("");
}

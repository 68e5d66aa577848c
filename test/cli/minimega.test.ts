import { describe, expect, it } from "vitest";
import { fromMinimega } from "../../src/cli/minimega.ts";

const run = (line: string): string => {
  const shown: string[] = [];
  const argv = fromMinimega(line.split(" "), (command) => shown.push(command));
  return shown.length > 0 ? argv.join(" ") : "as it is";
};
const answer = (line: string) => {
  try {
    return run(line);
  } catch (error) {
    const { code, hint } = error as { code: string; hint: string };
    return `${code}: ${hint}`;
  }
};

describe("minimega's words", () => {
  it.each([
    ["tap create 111 name foo", "tap create 111 --name foo"],
    ["tap create 112 bridge br name x", "tap create 112 --bridge br --name x"],
    ["tap create 114 ip 10.0.0.1/24 t", "tap create 114 --ip 10.0.0.1/24 --name t"],
    ["tap create 114 ip dhcp t", "tap create 114 --dhcp --name t"],
    ["tap mirror a b", "mirror create a b"],
    ["tap mirror a b br", "mirror create a b --bridge br"],
    ["tap mirror A 0 B 1", "mirror create vm:A:0 vm:B:1"],
    ["clear tap mirror", "mirror delete all"],
    ["clear tap mirror mon", "mirror delete mon"],
    ["clear tap mirror B 1", "mirror delete vm:B:1"],
    ["bridge tunnel vxlan br 1.2.3.4 7", "bridge tunnel vxlan br 1.2.3.4 --key 7"],
    ["--lab x --json tap mirror a b", "--lab x --json mirror create a b"],
    ["bridge tunnel vxlan br 1.2.3.4", "as it is"],
    ["tap create 111 --name foo", "as it is"],
    ["mirror create a b", "as it is"],
  ])("%s is %s", (line, meant) => {
    expect(run(line)).toBe(meant);
  });

  it.each([
    ["clear tap", "E_USAGE: tapscope mirror delete all && tapscope tap delete all"],
    ["capture pcap bridge br f.pcap", "E_USAGE: tapscope capture --bridge br -w f.pcap"],
    ["capture pcap vm A 0 f.pcap", "E_USAGE: tapscope capture --mirror vm:A:0 -w f.pcap"],
    ["nuke", "E_USAGE: tapscope clean --all"],
  ])("%s is answered with the exact command", (line, expected) => {
    expect(answer(line)).toBe(expected);
  });

  it("never answers clear with clean", () => {
    for (const line of ["clear", "clear tap --force", "clear capture", "clear vlans"])
      expect(answer(line)).toMatch(/^E_USAGE: (?!.*clean)/);
  });
});

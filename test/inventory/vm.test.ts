import { describe, expect, it } from "vitest";
import { parseNicName, tapOf, type Vm } from "../../src/inventory/vm.ts";

const vm = (name: string, ...taps: (string | null)[]): Vm => ({
  name,
  pid: 7,
  uuid: null,
  from: "qemu",
  nics: taps.map((tap, index) => ({ index, tap, mac: null, vlan: null, bridge: null })),
  disks: [],
});

describe("the name of a NIC", () => {
  it.each([
    ["vm:A", { vm: "A", index: 0 }],
    ["vm:A:1", { vm: "A", index: 1 }],
    ["vm:a:b", { vm: "a:b", index: 0 }],
    ["vm:a:b:2", { vm: "a:b", index: 2 }],
    ["mega_tap0", undefined],
  ])("%s is read", (word, expected) => {
    expect(parseNicName(word)).toEqual(expected);
  });

  it("needs a name", () => {
    expect(() => parseNicName("vm:")).toThrow("needs the name of a virtual machine");
  });

  it("stands for a tap", () => {
    const machines = [vm("A", "vm_a", "vm_a1"), vm("B", null), vm("C", "c0"), vm("C", "c1")];
    expect(tapOf(machines, { vm: "A", index: 1 })).toBe("vm_a1");
    const codeOf = (name: string, index: number) => {
      try {
        return tapOf(machines, { vm: name, index });
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    expect([codeOf("X", 0), codeOf("A", 2), codeOf("B", 0), codeOf("C", 0)]).toEqual([
      "E_NO_VM",
      "E_NO_NIC",
      "E_NO_NIC",
      "E_AMBIGUOUS",
    ]);
  });
});

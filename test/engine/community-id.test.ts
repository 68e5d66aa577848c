import { expect, it } from "vitest";
import { communityId } from "../../src/capture/community-id.ts";
import { Probe } from "./probe.ts";

const probe = new Probe();

it.each([
  [6, "128.232.110.120", "66.35.250.204", 34855, 80],
  [17, "192.168.1.52", "8.8.8.8", 54585, 53],
  [132, "192.168.170.8", "192.168.170.56", 7, 80],
  [46, "10.1.24.4", "10.1.12.1", 0, 0],
] as const)("protocol %i: as the library makes it, in either direction", (protocol, from, to, source, target) => {
  const bytes = (address: string) => Buffer.from(address.split(".").map(Number));
  const expected = communityId({ protocol, source: from, target: to, sourcePort: source, targetPort: target });
  const a = probe.put(bytes(from));
  const b = probe.put(bytes(to), 256);
  const text = (...values: number[]) => probe.text(probe.call("probeCommunityId", ...values));
  expect(text(protocol, 0, a, source, b, target, 0)).toBe(expected);
  expect(text(protocol, 0, b, target, a, source, 0)).toBe(expected);
});

import { isIPv4 } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parsePing, takesIdentifier } from "../../../src/verify/judge/ping.ts";
import { addressBytes } from "../../../src/verify/match/echo.ts";

describe("what ping says", () => {
  it("is read by sequence number, first replies only", () => {
    const words = parsePing(
      `PING 10.0.0.2 (10.0.0.2) 56(84) bytes of data.
64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=0.345 ms
64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=9.1 ms (DUP!)
64 bytes from 10.0.0.2: icmp_seq=3 ttl=64 time=12 ms

--- 10.0.0.2 ping statistics ---
3 packets transmitted, 2 received, +1 duplicates, 33.3333% packet loss, time 2047ms
`,
      "",
    );
    expect(words).toMatchObject({ sent: 3, received: 2, complaint: null });
    expect([...words.rttMs]).toEqual([
      [1, 0.345],
      [3, 12],
    ]);
  });

  it("tells why nothing came back", () => {
    const unreachable = parsePing(
      "From 10.0.0.1 icmp_seq=1 Destination Host Unreachable\n3 packets transmitted, 0 received, +3 errors, 100% packet loss, time 2ms\n",
      "",
    );
    expect(unreachable).toMatchObject({ sent: 3, received: 0, complaint: "Destination Host Unreachable" });
    expect(parsePing("", "ping: connect: Network is unreachable\n")).toMatchObject({
      sent: null,
      received: null,
      complaint: "connect: Network is unreachable",
    });
  });

  it("may be anything without an exception", () => {
    fc.assert(fc.property(fc.string(), fc.string(), (out, err) => void parsePing(out, err)));
  });

  it("says whether ping can be told its identifier", () => {
    expect(takesIdentifier("ping from iputils 20221126")).toBe(true);
    expect(takesIdentifier("ping utility, iputils-s20190709")).toBe(false);
    expect(takesIdentifier("BusyBox v1.36.1")).toBe(false);
  });
});

describe("addresses as bytes", () => {
  it.each([
    ["10.0.0.2", "0a000002"],
    ["fd00::2", "fd000000000000000000000000000002"],
    ["::", "0".repeat(32)],
    ["fe80::1%eth0", "fe800000000000000000000000000001"],
    ["1:2:3:4:5:6:7:8", "00010002000300040005000600070008"],
    ["::ffff:10.1.2.3", "00000000000000000000ffff0a010203"],
  ])("%s", (address, hex) => {
    expect(Buffer.from(addressBytes(address)).toString("hex")).toBe(hex);
  });

  it("have the length of their family", () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
        expect(addressBytes(address).length).toBe(isIPv4(address) ? 4 : 16);
      }),
    );
  });
});

import { describe, expect, it } from "vitest";
import { checkTunnel, parseRemote } from "../../src/mirror/tunnel.ts";

describe("tunnels", () => {
  it("reads a remote output", () => {
    expect(parseRemote("gre:192.0.2.1")).toEqual({ type: "gre", remoteIp: "192.0.2.1" });
    expect(parseRemote("vxlan:[2001:db8::1]:7")).toEqual({ type: "vxlan", remoteIp: "2001:db8::1", key: 7 });
  });

  it.each([
    "gre",
    "ipsec:192.0.2.1",
    "gre:nowhere",
    "vxlan:192.0.2.1:16777216",
    "vxlan:192.0.2.1:x",
    "erspan:192.0.2.1",
    "erspan:192.0.2.1:1024",
    "vxlan:2001:db8::1",
  ])("refuses %s", (text) => {
    expect(() => parseRemote(text)).toThrow(expect.objectContaining({ code: "E_USAGE" }));
  });

  it("knows the kinds bridges are joined by", () => {
    expect(checkTunnel("geneve", "192.0.2.1", "16777215")).toEqual({
      type: "geneve",
      remoteIp: "192.0.2.1",
      key: 16777215,
    });
    expect(() => checkTunnel("constructor", "192.0.2.1", undefined)).toThrow("not a tunnel");
  });
});

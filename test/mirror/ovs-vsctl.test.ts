import { describe, expect, it } from "vitest";
import { HOST } from "../../src/core/place.ts";
import { explainStderr, externalIds, quoteValue, timeoutSeconds, vsctlArgv } from "../../src/mirror/ovs-vsctl.ts";

describe("what ovs-vsctl says", () => {
  // As Open vSwitch 3.1.0 wrote them.
  it.each([
    ["ovs-vsctl: unix:/tmp/none.sock: database connection failed (No such file or directory)", "E_OVSDB_UNREACHABLE"],
    [
      "ovs-vsctl: Error detected while setting up 'r-nodev': could not open network device r-nodev (No such device).  See ovs-vswitchd log for details.\novs-vsctl: The default log directory is \"/var/log/openvswitch\".",
      "E_DEVICE",
    ],
    [
      "ovs-vsctl: Error detected while setting up 'br9'.  See ovs-vswitchd log for details.\novs-vsctl: The default log directory is \"/var/log/openvswitch\".",
      "E_PORT_SETUP",
    ],
    [
      "ovs-vsctl: cannot create a port named mega_tap0 because a port named mega_tap0 already exists on bridge mega_bridge",
      "E_EXISTS",
    ],
    ["ovs-vsctl: cannot create a bridge named br0 because a bridge named br0 already exists", "E_EXISTS"],
    ["ovs-vsctl: no bridge named nobr", "E_NO_BRIDGE"],
    ["ovs-vsctl: no port named p9", "E_NO_PORT"],
    ['ovs-vsctl: no row "mq" in table Mirror', "E_NO_MIRROR"],
    ['ovs-vsctl: no row "r-bn0" in table Port', "E_NO_ROW"],
    ['ovs-vsctl: multiple rows in Mirror match "m1"', "E_AMBIGUOUS"],
    ["ovs-vsctl: constraint violation: 10 is not in the valid range 14 to 65535 (inclusive)", "E_CONSTRAINT"],
    ['ovs-vsctl: Mirror does not contain a column whose name matches "filter"', "E_NO_COLUMN"],
    ["ovs-vsctl: unix:/run/openvswitch/db.sock: database connection failed (Permission denied)", "E_OVSDB_UNREACHABLE"],
    ["something new", "E_OVS_VSCTL"],
  ])("%s", (stderr, code) => {
    expect(explainStderr(stderr).code).toBe(code);
  });

  it("counts only where it is about the change, not where OVS logs of itself", () => {
    const busy =
      "2026-11-23T14:30:00Z|00002|timeval|WARN|Unreasonably long 2684ms poll interval (1189ms user, 18ms system)\n";
    expect(explainStderr(`${busy}ovs-vsctl: no bridge named x\n`).message).toBe(
      "Open vSwitch refused: no bridge named x",
    );
  });

  it("is passed on without the program's name and the log's directory", () => {
    const stderr =
      "ovs-vsctl: Error detected while setting up 'x': could not open network device x (No such device).  See ovs-vswitchd log for details.\novs-vsctl: The default log directory is \"/var/log/openvswitch\".\n";
    expect(explainStderr(stderr).message).toBe(
      "Open vSwitch refused: Error detected while setting up 'x': could not open network device x (No such device).",
    );
    const warning = "2026-11-23T09:00:00Z|00002|ovsdb_idl|WARN|transaction error: x\n";
    expect(explainStderr(warning).message).toBe("Open vSwitch refused: transaction error: x");
  });
});

describe("an ovs-vsctl call", () => {
  it("is one transaction with a time limit that grows with it", () => {
    const target = { place: HOST, remote: "unix:/x/db.sock", label: "x" };
    expect(
      vsctlArgv(target, [
        ["del-port", "p"],
        ["del-br", "b"],
      ]),
    ).toEqual(["ovs-vsctl", "--timeout=6", "--db=unix:/x/db.sock", "--", "del-port", "p", "--", "del-br", "b"]);
    expect(timeoutSeconds(1000)).toBe(55);
    const tls = { privateKey: "k.pem", certificate: "c.pem", caCert: "ca.pem" };
    expect(vsctlArgv({ ...target, remote: "ssl:10.0.0.1:6640", tls }, [["show"]])).toEqual([
      "ovs-vsctl",
      "--timeout=6",
      "--db=ssl:10.0.0.1:6640",
      "--private-key=k.pem",
      "--certificate=c.pem",
      "--ca-cert=ca.pem",
      "--",
      "show",
    ]);
  });

  it("quotes values that ovs-vsctl would read otherwise", () => {
    expect(["mirror-x", "1795442268", "a b", "true", "", 'say "hi"', "7d9135cc-652c-4e9f"].map(quoteValue)).toEqual([
      "mirror-x",
      "1795442268",
      '"a b"',
      '"true"',
      '""',
      '"say \\"hi\\""',
      '"7d9135cc-652c-4e9f"',
    ]);
    expect(externalIds({ tapscope: "tap", "tapscope-sources": "a:in b:out" })).toEqual([
      "external_ids:tapscope=tap",
      'external_ids:tapscope-sources="a:in b:out"',
    ]);
  });
});

/**
 * tapscope on Open vSwitch's kernel datapath (openvswitch.ko), in a virtual machine whose root is read-only. One boot runs everything;
 * the tests look at what it said.
 */
import { rmSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeFolder } from "../bro/disk/images.ts";
import { describeUnless } from "../describe-unless.ts";
import { boot } from "./boot.ts";
import { groundDisk, onGround, type Section, sectionsOf } from "./ground-disk.ts";
import { partsOrWhyNot } from "./support.ts";

const parts = await partsOrWhyNot();
const folder = makeFolder();

/** openvswitch.ko and what it needs, in order; devices for hosts and VMs; tunnels. */
const MODULES = [
  ...["libcrc32c", "nf_defrag_ipv4", "nf_defrag_ipv6", "nf_conntrack", "nf_nat", "nf_conncount", "nsh", "openvswitch"],
  ...["tun", "veth", "udp_tunnel", "ip6_udp_tunnel", "vxlan", "vport-vxlan"],
];
const BYTES = 40 * 65_536;

const SCRIPT = `
# In the first ten seconds after boot ovs-vswitchd 3.1 counts no CPU, starts no upcall handler, and every packet is lost.
until [ $(cut -d. -f1 /proc/uptime) -ge 12 ]; do sleep 1; done
cd /run/openvswitch
ovsdb-tool create conf.db /usr/share/openvswitch/vswitch.ovsschema
ovsdb-server conf.db --remote=punix:/run/openvswitch/db.sock --pidfile --detach --log-file=/run/openvswitch/db.log -vconsole:off
ovs-vsctl --no-wait init
ovs-vswitchd --pidfile --detach --log-file=/run/openvswitch/vswitchd.log -vconsole:off
cd /
section bridge tapscope bridge create mega_bridge
section bridges tapscope --json bridge list
section tap tapscope tap create 0
for h in a b; do ip netns add $h; ip link add v$h type veth peer name eth0 netns $h; ip -n $h link set eth0 up; ip -n $h link set lo up; done
ip -n a address add 10.0.0.1/24 dev eth0; ip -n b address add 10.0.0.2/24 dev eth0
section attach-a tapscope tap attach va --vlan 100
section attach-b tapscope tap attach vb --vlan 100
until ip netns exec a ping -c 1 -W 1 10.0.0.2 >/dev/null || [ $((tries++)) = 30 ]; do :; done
section ping ip netns exec a ping -c 3 -i 0.2 10.0.0.2

# A ping that runs before any mirror; all ICMP on the monitor tap, with times.
ip netns exec a ping -i 0.1 10.0.0.2 >/dev/null & ping=$!
tcpdump --immediate-mode -i mega_tap0 -n -e -tt -l 'icmp or (vlan and icmp)' >/tmp/seen 2>/dev/null & dump=$!
since() { awk -v from=$1 -v to=$2 '$1 > from && $1 < to' /tmp/seen | grep -c ICMP; }
sleep 1
ovs-vsctl -- --id=@s get port va -- --id=@o get port mega_tap0 -- --id=@m create mirror name=plain select_src_port=@s select_dst_port=@s output_port=@o -- add bridge mega_bridge mirrors @m >/dev/null
from=$EPOCHREALTIME; sleep 3; plain=$(since $from $EPOCHREALTIME)
ovs-vsctl clear bridge mega_bridge mirrors
section mirror tapscope mirror create va mega_tap0
from=$EPOCHREALTIME; sleep 3; to=$EPOCHREALTIME; sleep 1; ours=$(since $from $to)
section list tapscope --json mirror list
section delete tapscope mirror delete mega_tap0
from=$EPOCHREALTIME; sleep 2; late=$(since $from $EPOCHREALTIME)
section refresh echo "plain $plain ours $ours late $late"

# What the tag on the copy is, by the output's VLAN mode.
tags() { from=$EPOCHREALTIME; sleep 2; awk -v from=$from '$1 > from' /tmp/seen | grep -c "$1"; }
tapscope mirror create va mega_tap0 >/dev/null 2>&1
section trunk echo "tagged $(tags 'vlan 100') all $(tags ICMP)"
tapscope mirror delete mega_tap0 >/dev/null 2>&1
tapscope mirror create va mega_tap0 --strip-vlan >/dev/null 2>&1
section strip echo "tagged $(tags 'vlan 100') all $(tags ICMP)"
tapscope mirror delete mega_tap0 >/dev/null 2>&1
tapscope mirror create va mega_tap0 --vlan 200 >/dev/null 2>&1
section other-vlan echo "all $(tags ICMP)"
tapscope mirror delete mega_tap0 >/dev/null 2>&1
kill $ping $dump

# TCP by veths, whose frames are up to 64 KB large and have their checksums left to a device there is not.
tapscope mirror create va mega_tap0 >/dev/null 2>&1
section verify tapscope verify mega_tap0 --ping 10.0.0.2 --count 5
ip netns exec b busybox nc -l -p 5000 >/tmp/received & sleep 1
tapscope capture mega_tap0 -w /tmp/gso.pcapng >/dev/null 2>&1 & capture=$!
until pidof tcpdump >/dev/null; do sleep 0.2; done; sleep 2
ip netns exec a node -e 'require("net").connect(5000, "10.0.0.2").end(Buffer.alloc(${BYTES}))'
sleep 1; kill -INT $capture; wait $capture
section largest sh -c "tcpdump -n -e -r /tmp/gso.pcapng tcp or vlan and tcp 2>/dev/null | sed 's/.*, length \\([0-9]*\\): .*/\\1/' | sort -n | tail -n 1"
section flows tapscope --json flows --where 'tcp.port == 5000' /tmp/gso.pcapng
section summary tapscope --json flows --summary /tmp/gso.pcapng
ip netns exec b busybox nc -l -p 5001 >/tmp/received & sleep 1
section verify-tcp tapscope --json verify mega_tap0 --from a -- node -e 'require("net").connect(5001, "10.0.0.2").end(Buffer.alloc(${BYTES}))'

section vm-tap tapscope tap create 100 --vm --name vm_a
section vm-tap-gone tapscope tap delete vm_a
section tunnel tapscope bridge tunnel vxlan mega_bridge 192.0.2.7 --key 7
section doctor tapscope doctor
section lab tapscope lab up --name inner
section lab-exec tapscope lab exec --name inner a ping -c 2 -i 0.2 10.0.0.2
section lab-down tapscope lab down --name inner

# Without tcpdump: frames come by libpcap in the package cap.
export PATH=/bin:/sbin
ip netns exec a ping -i 0.2 10.0.0.2 >/dev/null & ping=$!
section cap tapscope --json capture mega_tap0 -w /tmp/cap.pcapng --count 10 --duration 30s
kill $ping
section cap-info tapscope --json info /tmp/cap.pcapng
section read-only tapscope capture mega_tap0 -w /run.pcapng --duration 1s
section read-only-extract tapscope bro extract /dev/vda /logs
`;

describeUnless("why" in parts ? parts.why : null, "the kernel datapath", () => {
  let said: ReadonlyMap<string, Section>;
  let all = "";
  const section = (name: string): Section => {
    const found = said.get(name);
    if (!found) throw new Error(`the VM said nothing of '${name}':\n${all.slice(-4000)}`);
    return found;
  };

  beforeAll(async () => {
    const drives = [{ file: await groundDisk(), format: "raw" as const, readOnly: true }];
    await using vm = await boot(folder, onGround(SCRIPT), { drives, seconds: 560, modules: MODULES });
    await vm.until("== FINISHED", 550);
    all = vm.console();
    said = sectionsOf(all);
  }, 600_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }), 60_000);

  it("carries bridges and taps as the userspace one does", () => {
    expect(section("bridge").exitCode).toBe(0);
    const [bridge] = JSON.parse(section("bridges").text);
    expect(bridge).toMatchObject({ name: "mega_bridge" });
    expect(bridge.datapath_type).not.toBe("netdev");
    expect(section("tap")).toEqual({ text: "mega_tap0\n", exitCode: 0 });
    expect(section("ping").text).toContain("3 received");
  });

  it("gets mirrors that work at once on flows that run, and copies nothing any more when delete returns", () => {
    expect(section("mirror").exitCode).toBe(0);
    const [, plain, ours, late] = /plain (\d+) ours (\d+) late (\d+)/.exec(section("refresh").text)!.map(Number);
    // 10 requests and 10 replies a second, as far as the machine keeps up.
    expect(ours).toBeGreaterThan(20);
    expect(ours).toBeGreaterThan(plain!);
    expect(late).toBe(0);
  });

  it("tags copies by the output's VLAN mode", () => {
    const counts = (name: string) => section(name).text.match(/\d+/g)!.map(Number) as [number, number];
    const [tagged] = counts("trunk");
    expect(tagged).toBeGreaterThan(5);
    const [stripped, untagged] = counts("strip");
    expect(stripped).toBe(0);
    expect(untagged).toBeGreaterThan(5);
    expect(counts("other-vlan")[0]).toBe(0);
  });

  it("gives frames larger than any on a wire, with checksums left unfinished: decoded rightly, and no fault of the mirror", () => {
    expect(section("verify")).toMatchObject({ exitCode: 0, text: expect.stringContaining("faithful") });
    expect(Number(section("largest").text)).toBeGreaterThan(1518);
    const flows = section("flows")
      .text.trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(flows).toMatchObject([{ orig_bytes: BYTES, conn_state: "SF" }]);
    expect(flows[0].missed_bytes ?? 0).toBe(0);
    const report = JSON.parse(
      section("verify-tcp")
        .text.split("\n")
        .find((line) => line.startsWith("{"))!,
    );
    expect(report.verdict).toBe("faithful");
    expect(report.notes.map(({ code }: { code: string }) => code)).not.toContain("unfinished-checksums");
  });

  it("gives VMs taps whose NICs may leave checksums to the host, and takes them away", () => {
    const { text, exitCode } = section("vm-tap");
    expect(exitCode).toBe(0);
    expect(text).toContain("-device virtio-net-pci,netdev=vm_a,mac=");
    expect(text).not.toContain("csum=off");
    expect(section("vm-tap-gone").exitCode).toBe(0);
  });

  it("takes tunnels, whose missing route is found", () => {
    expect(section("tunnel")).toMatchObject({ exitCode: 0, text: expect.stringContaining("no route to 192.0.2.7") });
    expect(section("doctor")).toMatchObject({ exitCode: 3, text: expect.stringContaining("tunnel-route") });
    expect(section("doctor").text).not.toContain("tunnel-underlay");
  });

  it("has room for a lab of its own beside it, with a busybox in place of GNU env", () => {
    expect(section("lab")).toMatchObject({ exitCode: 0, text: expect.stringContaining("is up") });
    expect(section("lab-exec")).toMatchObject({ exitCode: 0, text: expect.stringContaining("2 received") });
    expect(section("lab-down").exitCode).toBe(0);
  });

  it("is captured without tcpdump too, by the package cap", () => {
    const { text, exitCode } = section("cap");
    expect(exitCode, text).toBe(0);
    expect(JSON.parse(section("cap-info").text)).toMatchObject({ packets: 10, status: "ok" });
  });

  it("says what cannot be written on a root that is read-only", () => {
    for (const name of ["read-only", "read-only-extract"]) {
      const { text, exitCode } = section(name);
      expect(exitCode, text).toBe(1);
      expect(text).toMatch(/^tapscope: .*read-only/im);
      expect(text).not.toContain("this is a fault in tapscope");
    }
  });
});

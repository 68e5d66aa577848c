import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseQemuArguments } from "../../src/inventory/qemu-arguments.ts";

const split = (text: string) => text.trim().split(/\s+/);

describe("QEMU's command line", () => {
  it("is read as a person types it", () => {
    const argv = split(
      "-name A -m 512 -netdev tap,id=n0,ifname=vm_a,script=no,downscript=no -device virtio-net-pci,netdev=n0,mac=02:00:00:00:00:0A -drive file=/disks/a,,b.qcow2,if=virtio -hda old.img",
    );
    expect(parseQemuArguments(argv)).toEqual({
      name: "A",
      uuid: null,
      nics: [{ mac: "02:00:00:00:00:0a", ifname: "vm_a", descriptor: null, checksumOffload: true }],
      disks: ["/disks/a,b.qcow2", "old.img"],
    });
  });

  it("is read as libvirt writes it: JSON, and taps as open descriptors", () => {
    const argv = [
      ...["-name", "guest=web,debug-threads=on", "-uuid", "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"],
      ...["-blockdev", '{"driver":"file","filename":"/var/lib/libvirt/images/web.qcow2","node-name":"s"}'],
      ...["-netdev", '{"type":"tap","fd":"33","vhost":true,"vhostfd":"35","id":"hostnet0"}'],
      ...["-device", '{"driver":"virtio-net-pci","netdev":"hostnet0","id":"net0","mac":"52:54:00:00:00:01"}'],
      ...["-netdev", "tap,fds=40:41,id=hostnet1", "-device", "virtio-net-pci,netdev=hostnet1,mac=52:54:00:00:00:02"],
    ];
    expect(parseQemuArguments(argv)).toEqual({
      name: "web",
      uuid: "4dea22b3-1d52-d8f3-2516-782e98ab3fa0",
      nics: [
        { mac: "52:54:00:00:00:01", ifname: null, descriptor: 33, checksumOffload: true },
        { mac: "52:54:00:00:00:02", ifname: null, descriptor: 40, checksumOffload: true },
      ],
      disks: ["/var/lib/libvirt/images/web.qcow2"],
    });
  });

  it("counts NICs in the machine's order, and leaves out those that are no taps", () => {
    const argv = split(
      "-netdev tap,id=b,ifname=t1 -netdev user,id=u -device e1000,netdev=u -device e1000,netdev=b -nic tap,ifname=t0,model=e1000",
    );
    expect(parseQemuArguments(argv).nics.map(({ ifname }) => ifname)).toEqual(["t0", "t1"]);
  });

  it("says whether a NIC leaves checksums to the host: virtio does, unless it may not", () => {
    const argv = split(
      "-netdev tap,id=a,ifname=t0 -device virtio-net-pci,netdev=a,csum=off,guest_csum=off -netdev tap,id=b,ifname=t1,vnet_hdr=off -device virtio-net,netdev=b -netdev tap,id=c,ifname=t2 -device e1000,netdev=c -nic tap,ifname=t3,model=virtio-net-pci",
    );
    const offers = parseQemuArguments(argv).nics.map(({ ifname, checksumOffload }) => [ifname, checksumOffload]);
    expect(Object.fromEntries(offers)).toEqual({ t0: false, t1: false, t2: false, t3: true });
  });

  it("survives any words", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.constantFrom("-name", "-netdev", "-device", "-nic", "-drive", "-blockdev", "tap,,=,", "{", "{}", "null"),
            fc.string(),
          ),
        ),
        (argv) => {
          const { nics, disks } = parseQemuArguments(argv);
          expect(Array.isArray(nics) && Array.isArray(disks)).toBe(true);
        },
      ),
    );
  });
});

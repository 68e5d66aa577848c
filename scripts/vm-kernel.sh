#!/usr/bin/env bash
# vm-kernel.sh: puts Debian's cloud kernel and its modules under .cache/vm-kernel, for the tests that boot a VM. Nothing is
# installed: the package is downloaded and unpacked, once. Works without root where apt's lists are there. Where there is no
# kernel to be had it says why and exits with 0: the tests that need one are skipped.
set -eEuo pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."
into=.cache/vm-kernel
say() { printf 'vm-kernel: %s\n' "$*" >&2; }
without() { say "$*: tests in a VM are skipped"; rm -rf $into; exit 0; }
trap 'say "ended at line $LINENO: $BASH_COMMAND"' ERR
[ ! -e $into/done ] || exit 0

for tool in apt-cache apt-get dpkg-deb; do
  command -v $tool >/dev/null || without "there is no $tool here to fetch Debian's kernel with"
done
package() { { apt-cache depends linux-image-cloud-amd64 2>/dev/null || true; } | sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1; }
name=$(package)
if [ -z "$name" ] && [ "$(id -u)" = 0 ]; then
  apt-get -qq update || say "apt-get update failed"
  name=$(package)
fi
[ -n "$name" ] || without "apt's package lists have no linux-image-cloud-amd64 (empty lists? as root: apt-get update)"
say "downloading $name (unpacked, not installed)"
rm -rf $into
mkdir -p $into/download
fetch() { (cd $into/download && apt-get -qq -o Acquire::Retries=3 download "$name"); }
words=$(fetch 2>&1) || { apt-get -qq update >/dev/null 2>&1 && words=$(fetch 2>&1); } || without "cannot download $name ($(printf '%s\n' "$words" | grep '^E: ' | head -n 1))"
dpkg-deb -x $into/download/*.deb $into/unpacked || without "cannot unpack $name"
cp $into/unpacked/boot/vmlinuz-* $into/vmlinuz
mkdir $into/modules
# Debian 12 has lib/modules/…/*.ko, Debian 13 usr/lib/modules/…/*.ko.xz
for module in virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk nbd crc32c_generic libcrc32c xfs; do
  find $into/unpacked -path "*/lib/modules/*/$module.ko*" -exec cp {} $into/modules/ \;
done
for packed in "$into"/modules/*.ko.xz; do
  [ -e "$packed" ] || continue
  unxz "$packed" || without "cannot unpack the modules (unxz)"
done
[ -e $into/modules/virtio_blk.ko ] || without "$name has no modules where they are looked for"
rm -rf $into/download $into/unpacked
touch $into/done

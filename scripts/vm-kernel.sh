#!/usr/bin/env bash
# vm-kernel.sh: puts Debian's cloud kernel and its modules under .cache/vm-kernel, for the tests that boot a VM. Nothing is
# installed: the package is downloaded and unpacked, once. Works without root where apt's lists are there.
set -euo pipefail
cd "$(dirname "$0")/.."
into=.cache/vm-kernel
[ -e $into/done ] && exit 0
package() { apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p' | head -1; }
name=$(package)
if [ -z "$name" ] && [ "$(id -u)" = 0 ]; then
  apt-get -qq update
  name=$(package)
fi
[ -n "$name" ] || { echo "vm-kernel: there is no package linux-image-cloud-amd64 here: tests in a VM are skipped" >&2; exit 0; }
echo "vm-kernel: downloading $name (unpacked, not installed)" >&2
rm -rf $into
mkdir -p $into/download
(cd $into/download && { apt-get -qq -o Acquire::Retries=3 download "$name" || { apt-get -qq update && apt-get -qq -o Acquire::Retries=3 download "$name"; }; }) 2>/dev/null \
  || { echo "vm-kernel: cannot download $name: tests in a VM are skipped" >&2; rm -rf $into; exit 0; }
dpkg -x $into/download/*.deb $into/unpacked
cp $into/unpacked/boot/vmlinuz-* $into/vmlinuz
mkdir $into/modules
for module in virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk nbd crc32c_generic libcrc32c xfs; do
  find $into/unpacked/lib/modules -name "$module.ko" -exec cp {} $into/modules/ \;
done
rm -rf $into/download $into/unpacked
touch $into/done

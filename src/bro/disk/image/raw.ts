/** Raw disks: the file is the disk. */
import type { ImageFormat } from "./image-format.ts";
import { noSnapshot } from "./snapshots.ts";

export const RAW: ImageFormat = {
  name: "raw",
  magics: [],
  reader: {
    obstacle: async () => null,
    async open(file, { snapshot }) {
      if (snapshot !== undefined) throw noSnapshot(file.path, snapshot, []);
      return { device: file, check: async () => ({ needs: 0, warnings: [] }) };
    },
  },
  qemu: async () => ({}),
};

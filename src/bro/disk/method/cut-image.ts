/**
 * Which bytes of the guest's disk a cut image file no longer holds. qemu reads zeros beyond the end of a file, for data and for
 * mapping tables alike: what is lost has to be found by asking where everything should be (`qemu-img map`, and the
 * format's own tables).
 */
import { createInterface } from "node:readline";
import { spawn } from "../../../core/process.ts";
import { type BlockDevice, DamagedError } from "../device.ts";
import { formatNamed } from "../image/formats.ts";
import { ImageFile } from "../image/image-file.ts";
import type { BlockNode, LostRange } from "../image/image-format.ts";

/** A line of `qemu-img map --output=json`. */
interface Extent {
  readonly start: number;
  readonly length: number;
  /** Which image of the chain of backing files holds it, 0 for the uppermost. */
  readonly depth: number;
  readonly data: boolean;
  readonly offset?: number;
  /** Where it lies in another file than the image's own. */
  readonly filename?: string;
}

/** What was found out about an image's files. */
export interface Wholeness {
  readonly lost: readonly LostRange[];
  /** False when qemu-img could not tell of all. */
  readonly known: boolean;
}

/** What the files of the image `node` and of those below it no longer hold; `argv`: what qemu needs besides (secrets). */
export async function findLostRanges(
  node: BlockNode,
  argv: readonly string[],
  signal?: AbortSignal,
): Promise<Wholeness> {
  const lost: LostRange[] = [];
  const layers: { path: string; size: number }[] = [];
  for (let layer: BlockNode | null = node; layer !== null; layer = (layer.backing ?? null) as BlockNode | null) {
    const path = (layer.file as BlockNode).filename as string;
    await using file = new ImageFile(path);
    layers.push({ path, size: file.size });
    lost.push(...((await formatNamed(layer.driver as string).lostTables?.(file)) ?? []));
  }
  await using map = spawn(["qemu-img", "map", "--output=json", ...argv, `json:${JSON.stringify(node)}`]);
  map.stderr?.resume();
  for await (const line of createInterface({ input: map.stdout! })) {
    signal?.throwIfAborted();
    const extent = parseExtent(line);
    const layer = layers[extent?.depth ?? -1];
    if (extent?.offset === undefined || !extent.data || !layer) continue;
    if (extent.filename !== undefined && extent.filename !== layer.path) continue;
    const present = Math.max(0, layer.size - extent.offset);
    if (present < extent.length) lost.push({ start: extent.start + present, end: extent.start + extent.length });
  }
  return { lost, known: (await map.ended).exitCode === 0 };
}

/** qemu writes one extent a line, the first after `[`, the last before `]`. */
function parseExtent(line: string): Extent | null {
  const text = line.replace(/^\[/, "").replace(/[\],]*$/, "");
  return text.startsWith("{") ? (JSON.parse(text) as Extent) : null;
}

/** A device of which some ranges are lost: reading them is an error, not zeros. Disposing leaves the inner device open. */
export class CutDevice implements BlockDevice {
  readonly size: number;
  readonly #inner: BlockDevice;
  readonly #lost: readonly LostRange[];

  constructor(inner: BlockDevice, lost: readonly LostRange[]) {
    this.size = inner.size;
    this.#inner = inner;
    this.#lost = lost.toSorted((a, b) => a.start - b.start);
  }

  async read(offset: number, length: number, into: Buffer): Promise<void> {
    const hit = this.#lost.find(({ start, end }) => start < offset + length && end > offset);
    if (hit) throw new DamagedError(`the image is cut: bytes ${hit.start} to ${hit.end} of the disk are not in it`);
    await this.#inner.read(offset, length, into);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

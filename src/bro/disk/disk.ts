/** What an open disk is, and how it is asked for. */
import type { BlockDevice } from "./device.ts";
import type { Partition } from "./partition/table.ts";
import type { FileSystem, FileTree } from "./tree.ts";

export type Method = "native" | "qemu-nbd" | "kernel-nbd";

export interface OpenOptions {
  /** Default `auto`: `native` where it can, else `qemu-nbd`; never `kernel-nbd`. */
  readonly method?: "auto" | Method;
  /** Number of the partition; 0 is the whole disk. Default: the only one with a filesystem. */
  readonly partition?: number;
  /** Default true: the journal of a killed machine is replayed in memory. */
  readonly replay?: boolean;
  /** Read the disk of a VM that still runs. Default false. */
  readonly live?: boolean;
  /** A file with the passphrase of an encrypted image. */
  readonly keyFile?: string;
  /** Name or id of an internal snapshot. */
  readonly snapshot?: string;
  /** Folders that backing files may be opened from. Default none. */
  readonly backingDirs?: readonly string[];
  readonly signal?: AbortSignal;
}

/** A partition and what is in it, by its content. */
export interface FoundPartition extends Partition {
  /**
   * The name of a row of `FILE_SYSTEMS`; `unreadable`: a cut image ends before it; `empty`: it begins with nothing but
   * zeros; `unknown`: something else.
   */
  readonly content: string;
  /** That row; null when it is none of them. */
  readonly filesystem: FileSystem | null;
}

/** An open disk. Disposing closes it and ends whatever runs for it. */
export interface Disk extends AsyncDisposable {
  /** The image as it was named. */
  readonly image: string;
  /** The name of a row of `IMAGE_FORMATS`. */
  readonly format: string;
  readonly method: Method;
  /** 0: the filesystem fills the whole disk. */
  readonly partition: number;
  readonly partitions: readonly FoundPartition[];
  readonly tree: FileTree;
  /** What `path` (default: /bro, else the root) leads to. @throws TapscopeError `E_DISK_PATH`. */
  resolve(path?: string): Promise<{ readonly path: string; readonly reference: number }>;
  /** What was found wrong so far with image, partition table and filesystem. */
  verdict(): Promise<Verdict>;
}

export interface Verdict {
  readonly warnings: readonly string[];
  /** One of them means that something is missing or wrong. */
  readonly damaged: boolean;
}

/** A device that an image was opened as, and what is known about the image. */
export interface OpenedImage extends AsyncDisposable {
  readonly device: BlockDevice;
  readonly method: Method;
  verdict(): Promise<Verdict>;
}

/**
 * What extraction sees of a filesystem, whoever reads it: this program (ext4/) or the host's kernel (method/mounted-tree.ts).
 * Names are bytes and come from the guest: nothing here has been checked but that they can be read.
 */
import type { BlockDevice } from "./device.ts";
import type { Magic } from "./magic.ts";

export type FileType = "file" | "directory" | "link" | "fifo" | "socket" | "character device" | "block device";

/** One name in a directory. */
export interface DirectoryEntry {
  /** The name's exact bytes. */
  readonly name: Buffer;
  /** What the name leads to, in the tree's own terms. */
  readonly reference: number;
}

/** A part of a directory or file that could not be read, and why. */
export interface Lost {
  readonly kind: "lost";
  readonly reason: string;
}

/** What is known of a file without reading its contents. */
export interface FileNode {
  /** The same for two names of one file. */
  readonly id: number;
  readonly type: FileType;
  /** In bytes; of a link, its target's length. */
  readonly size: number;
  /** Bytes it occupies, as the filesystem says: a hint. */
  readonly allocated: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  /** Nanoseconds since the epoch. */
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  /** Why it cannot be read although it is there (encrypted by the guest), or null. */
  readonly unreadable: string | null;
  /** What is wrong with its metadata though it can be read, sentences. */
  readonly warnings: readonly string[];
}

/** A run of a file's bytes: to be read at `source`, a hole that reads as zeros, or not there. Runs follow each other. */
export type Run =
  | { readonly kind: "data"; readonly offset: number; readonly length: number; readonly source: number }
  | { readonly kind: "hole"; readonly offset: number; readonly length: number }
  | { readonly kind: "inline"; readonly offset: number; readonly length: number; readonly data: Buffer }
  | { readonly kind: "lost"; readonly offset: number; readonly length: number; readonly reason: string };

/** A filesystem opened for reading. */
export interface FileTree extends AsyncDisposable {
  /** `ext4`, `xfs`, … */
  readonly type: string;
  readonly journal: "clean" | "replayed" | "ignored";
  /** What was replayed, or why not; null when there is nothing to tell. */
  readonly journalDetail: string | null;
  /** Size of the filesystem in bytes. */
  readonly size: number;
  /** Granularity of damage: a read that fails is tried again in units of this. */
  readonly blockSize: number;
  /** What is wrong with the filesystem as a whole, sentences; grows while reading. */
  readonly warnings: readonly string[];
  /** The root directory's reference. */
  readonly root: number;
  node(reference: number): Promise<FileNode>;
  /** The entries of a directory but `.` and `..`, in the order of the disk. */
  entries(reference: number): AsyncIterable<DirectoryEntry | Lost>;
  /** All of a file, from byte 0 to its size, without a gap. */
  runs(reference: number): AsyncIterable<Run>;
  /** Reads bytes of a `data` run of that file. */
  read(reference: number, source: number, length: number, into: Buffer): Promise<void>;
  /** A link's target, exact bytes. */
  linkTarget(reference: number): Promise<Buffer>;
}

/** A kind of file system: a row of `FILE_SYSTEMS`. */
export interface FileSystem {
  /** What the content of a partition is called. */
  readonly name: string;
  /** Counted from the start of the partition. */
  readonly magics: readonly Magic[];
  /** This program's own reader; without it only the host's kernel can read it, or nobody. */
  readonly reader?: {
    /** What it reads, for messages: "an ext2, ext3 or ext4 filesystem". */
    readonly reads: string;
    /**
     * Opens the filesystem at the start of `device`, which stays open when the tree is disposed of. With `replay` false
     * it is read as it lies on the disk, before its journal.
     * @throws TapscopeError `E_FS_…`, or DamagedError when it cannot be used.
     */
    open(device: BlockDevice, options: { readonly replay: boolean }): Promise<FileTree>;
    /** Whether its journal has something to replay. */
    needsRecovery(device: BlockDevice): Promise<boolean>;
  };
  /** How mount(8) is asked for it: type, options, and those that leave the journal alone. */
  readonly mount?: { readonly type: string; readonly options?: string; readonly noReplay?: string };
  /** What to do about a disk that holds nothing but this. */
  readonly hint?: string;
}

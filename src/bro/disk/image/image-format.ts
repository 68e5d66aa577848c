/** What a disk image format is to the rest: a row of `IMAGE_FORMATS`. */
import type { BlockDevice } from "../device.ts";
import type { Magic } from "../magic.ts";
import type { ImageFile } from "./image-file.ts";

export interface ImageFormat {
  /** As qemu calls it. */
  readonly name: string;
  /** None: what no other format recognises. */
  readonly magics: readonly Magic[];
  /** File name extensions that promise the format: a file so called without its magic is damaged, not raw. */
  readonly extensions?: readonly string[];
  /** This program's own reader. */
  readonly reader?: {
    /** What keeps it from reading this image ("it uses encryption"), or null. */
    obstacle(file: ImageFile): Promise<string | null>;
    open(file: ImageFile, chain: Chain): Promise<Layer>;
  };
  /** What qemu must be told of an image besides its format and file. Absent: such images are not read. */
  readonly qemu?: (image: string, chain: QemuChain) => Promise<{ readonly [key: string]: BlockNode[string] }>;
  /** Parts of the disk of a cut image that qemu does not know to be lost. */
  readonly lostTables?: (file: ImageFile) => Promise<LostRange[]>;
}

/** One image file of a chain of backing files, opened. Closing the device closes the file and what lies below. */
export interface Layer {
  readonly device: BlockDevice;
  /** Looks at the image's own tables once all has been read. */
  check(): Promise<LayerCheck>;
}

export interface LayerCheck {
  /** Bytes that the file needs so that everything is in it; 0 when it is whole. */
  readonly needs: number;
  /** What else is wrong but harmless for reading, sentences. */
  readonly warnings: readonly string[];
}

/** What a reader may ask for besides the file itself. */
export interface Chain {
  /** The internal snapshot to open instead of the disk's present state. */
  readonly snapshot: string | undefined;
  /** Opens the image that this one continues in, if the user allowed it. @throws TapscopeError `E_DISK_BACKING`. */
  openBacking(name: string, format: string | null): Promise<BlockDevice>;
}

/** A block node in qemu's terms (qapi/block-core.json, BlockdevOptions). */
export type BlockNode = { readonly [key: string]: string | boolean | null | BlockNode };

export interface QemuChain {
  /** Describes the image that this one continues in, if the user allowed it. @throws TapscopeError `E_DISK_BACKING`. */
  describeBacking(name: string, format: string | null): Promise<BlockNode>;
  /** The name by which an encrypted image's passphrase is given. @throws TapscopeError `E_DISK_KEY_NEEDED`. */
  secret(): string;
}

/** Bytes `start` to `end` of the guest's disk. */
export interface LostRange {
  readonly start: number;
  readonly end: number;
}

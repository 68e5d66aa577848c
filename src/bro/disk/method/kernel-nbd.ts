/** placeholder */
import { TapscopeError } from "../../../core/errors.ts";
import type { Disk, OpenOptions } from "../open.ts";
export async function openWithKernel(_i: string, _f: string, _o: OpenOptions, _n: readonly string[]): Promise<Disk> {
  throw new TapscopeError("E_KERNEL_NBD", "no");
}

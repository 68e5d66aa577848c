/** The error for an internal snapshot that an image does not have. */
import { TapscopeError } from "../../../core/errors.ts";

export function noSnapshot(path: string, wanted: string, names: readonly string[]): TapscopeError {
  return new TapscopeError("E_DISK_SNAPSHOT", `there is no snapshot '${wanted}' in ${path}`, {
    hint: names.length > 0 ? `there are: ${names.join(", ")}` : "the image has no snapshots",
  });
}

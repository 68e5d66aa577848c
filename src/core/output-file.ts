/**
 * Files that tapscope makes for its user: captures, reports, logs. Nobody else may read them, and under sudo they belong to the user who
 * called it, so that their own programs open them.
 */
import { constants, fchownSync, lchownSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Creates or empties a file to write to, mode 0600 when it is new. In a folder where anybody may put a link (/tmp), links are not followed.
 * @returns its descriptor
 * @throws what open(2) says
 */
export function openOutput(path: string): number {
  try {
    const fd = openSync(path, "wx", 0o600);
    const owner = invokingUser();
    if (owner) fchownSync(fd, owner.uid, owner.gid);
    return fd;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const guard = isSharedFolder(dirname(path)) ? constants.O_NOFOLLOW : 0;
  return openSync(path, constants.O_WRONLY | constants.O_TRUNC | guard);
}

/** Gives a file or folder that was just made to the user who called sudo. */
export function giveToInvokingUser(path: string): void {
  const owner = invokingUser();
  if (owner) lchownSync(path, owner.uid, owner.gid);
}

/** The user behind sudo(8), when this process is root by it. */
function invokingUser(): { readonly uid: number; readonly gid: number } | undefined {
  const { SUDO_UID, SUDO_GID } = process.env;
  if (process.getuid?.() !== 0 || !/^\d+$/.test(SUDO_UID ?? "") || !/^\d+$/.test(SUDO_GID ?? "")) return undefined;
  return { uid: Number(SUDO_UID), gid: Number(SUDO_GID) };
}

/** Sticky and writable by all. */
function isSharedFolder(folder: string): boolean {
  return (statSync(folder).mode & 0o1002) === 0o1002;
}

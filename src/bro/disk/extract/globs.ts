/**
 * `--include` and `--exclude`: `*` and `?` stop at `/`, `**` does not, `[a-z]` is a class, `\` quotes.
 * A pattern without `/` is for a name at any depth, one with `/` for the path from the extracted tree's root.
 */
import { UsageError } from "../../../core/errors.ts";

export interface PathFilter {
  /** False when the file at `path` (relative, `/` between names) is not wanted. */
  wantsFile(path: string): boolean;
  /** False when nothing below the directory at `path` is wanted. */
  wantsDirectory(path: string): boolean;
  /** There are patterns at all. */
  readonly filters: boolean;
  /** Something may be left out, so that a directory may turn out empty. */
  readonly narrows: boolean;
}

export function makeFilter(include: readonly string[], exclude: readonly string[]): PathFilter {
  const [wanted, unwanted] = [include.map(toMatcher), exclude.map(toMatcher)];
  const excluded = (path: string) => unwanted.some((matches) => matches(path));
  return {
    wantsFile: (path) => !excluded(path) && (wanted.length === 0 || wanted.some((matches) => matches(path))),
    wantsDirectory: (path) => !excluded(path),
    filters: wanted.length + unwanted.length > 0,
    narrows: wanted.length > 0,
  };
}

function toMatcher(glob: string): (path: string) => boolean {
  const whole = glob.replace(/^\//, "").replace(/\/$/, "");
  if (whole === "") throw new UsageError(`not a pattern: '${glob}'`);
  const regex = toRegex(whole);
  if (whole.includes("/")) return (path) => regex.test(path);
  return (path) => regex.test(path.slice(path.lastIndexOf("/") + 1));
}

function toRegex(glob: string): RegExp {
  let source = "";
  for (let i = 0; i < glob.length; i++) {
    const char = glob[i]!;
    if (char === "*" && glob[i + 1] === "*") {
      const slash = glob[i + 2] === "/";
      source += slash ? "(?:.*/)?" : ".*";
      i += slash ? 2 : 1;
    } else if (char === "*") source += "[^/]*";
    else if (char === "?") source += "[^/]";
    else if (char === "[" && glob.indexOf("]", i + 2) !== -1) {
      const end = glob.indexOf("]", i + 2);
      const body = glob
        .slice(i + 1, end)
        .replace(/[\\[\]^]/g, (special, at) => (special === "^" && at === 0 ? "^" : `\\${special}`));
      source += `[${body.replace(/^!/, "^")}]`;
      i = end;
    } else {
      const literal = char === "\\" && i + 1 < glob.length ? glob[++i]! : char;
      source += literal.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
    }
  }
  try {
    return new RegExp(`^${source}$`, "su");
  } catch {
    throw new UsageError(`not a pattern: '${glob}'`);
  }
}

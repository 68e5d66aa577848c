/** What `doctor` reports: one condition each, with what to do about it. */
export interface Check {
  /** A stable name: `ovsdb`, `mirror-dangling-source`, … */
  readonly code: string;
  readonly ok: boolean;
  readonly message: string;
  /** A command to paste, or a comment (`# …`) where no command can help; null when it is ok. */
  readonly fix: string | null;
}

export const good = (code: string, message: string): Check => ({ code, ok: true, message, fix: null });
export const bad = (code: string, message: string, fix: string): Check => ({ code, ok: false, message, fix });

/** A mirror that lives as long as its process: `mirror create … --for <duration>`. */
import { createMirror, deleteMirrors, type MirrorRequest } from "../mirror/mirror.ts";
import type { MirrorInfo } from "../mirror/mirror-info.ts";
import type { Session } from "../mirror/session.ts";

const SIGNALS = { SIGINT: 0, SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * Creates the mirror, waits for the time to pass or a signal to come, and removes it.
 * @returns the exit code: 0, also for the user's own Ctrl-C; 128+n for TERM and HUP
 */
export async function holdMirror(
  session: Session,
  request: MirrorRequest,
  lifetimeMs: number,
  onMade: (mirror: MirrorInfo) => void,
): Promise<number> {
  let end: (exitCode: number) => void = () => {};
  const ended = new Promise<number>((resolve) => {
    end = resolve;
  });
  const handlers = Object.entries(SIGNALS).map(([name, code]) => [name, () => end(code)] as const);
  for (const [name, handler] of handlers) process.on(name, handler);
  try {
    const mirror = await createMirror(session, request);
    if (!mirror) return 0;
    onMade(mirror);
    const timer = setTimeout(() => end(0), lifetimeMs);
    const exitCode = await ended;
    clearTimeout(timer);
    const left = (await session.state()).mirrors.some(({ uuid }) => uuid === mirror.uuid);
    if (left) await deleteMirrors(session, [mirror.uuid]);
    return exitCode;
  } finally {
    for (const [name, handler] of handlers) process.off(name, handler);
  }
}

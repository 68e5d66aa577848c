/** A mirror that lives as long as its process: `mirror create … --for <duration>`. */
import { createMirror, deleteMirrors } from "../mirror/mirror.ts";
import type { MirrorInfo } from "../mirror/mirror-info.ts";
import type { MirrorRequest } from "../mirror/mirror-request.ts";
import type { Session } from "../mirror/session.ts";
import { Finish } from "./finish.ts";

/**
 * Creates the mirror, waits for the time to pass or the signal to abort, and removes it.
 */
export async function holdMirror(
  session: Session,
  request: MirrorRequest,
  lifetimeMs: number,
  onMade: (mirror: MirrorInfo) => void,
  signal?: AbortSignal,
): Promise<void> {
  using finish = new Finish(signal);
  const mirror = await createMirror(session, request);
  if (!mirror) return;
  const timer = setTimeout(() => finish.end(), lifetimeMs);
  try {
    onMade(mirror);
    await finish.ended;
  } finally {
    clearTimeout(timer);
    const left = (await session.state()).mirrors.some(({ uuid }) => uuid === mirror.uuid);
    if (left) await deleteMirrors(session, [mirror.uuid]);
  }
}

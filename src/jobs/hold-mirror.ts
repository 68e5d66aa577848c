/** A mirror that lives as long as its process: `mirror create … --for <duration>`. */
import { createMirror, deleteMirrors } from "../mirror/mirror.ts";
import type { MirrorInfo } from "../mirror/mirror-info.ts";
import type { MirrorRequest } from "../mirror/mirror-request.ts";
import type { Session } from "../mirror/session.ts";
import { type Ending, JobEnd } from "./signals.ts";

/**
 * Creates the mirror, waits for the time to pass or a signal to come, and removes it.
 * @returns what ended it
 */
export async function holdMirror(
  session: Session,
  request: MirrorRequest,
  lifetimeMs: number,
  onMade: (mirror: MirrorInfo) => void,
): Promise<Ending> {
  using end = new JobEnd();
  const mirror = await createMirror(session, request);
  if (!mirror) return "done";
  const timer = setTimeout(() => end.end(), lifetimeMs);
  try {
    onMade(mirror);
    return await end.ended;
  } finally {
    clearTimeout(timer);
    const left = (await session.state()).mirrors.some(({ uuid }) => uuid === mirror.uuid);
    if (left) await deleteMirrors(session, [mirror.uuid]);
  }
}

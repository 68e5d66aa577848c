/** `watch` in the terminal UI: joins the screen, the capture's thread and the mirror's follower until the user quits. */
import { isAbsolute, resolve } from "node:path";
import type { CaptureAction } from "../capture/live/messages.ts";
import { messageOf } from "../core/errors.ts";
import type { Subject } from "../tui/model.ts";
import type { Finish } from "./finish.ts";
import type { MirrorFollower } from "./mirror-follow.ts";
import type { FlowSource } from "./watch-logs.ts";

export interface ScreenChoice {
  readonly color: boolean;
  /** Of the terminal; undefined: the terminal is asked. */
  readonly background?: "light" | "dark" | undefined;
}

/** @returns false when the terminal has stopped reading: then this process cannot end by itself */
export async function showScreen(
  { color, background }: ScreenChoice,
  subject: Subject,
  thread: FlowSource,
  mirror: MirrorFollower | null,
  end: Finish,
): Promise<boolean> {
  const { openScreen } = await import("../tui/terminal/open.ts");
  const { App } = await import("../tui/app.ts");
  const { preferencesPath, readPreferences, writePreferences } = await import("../tui/preferences.ts");
  const path = preferencesPath(process.env);
  const { screen, glyphs, close } = await openScreen({ color, background });
  const app = new App({
    screen,
    subject,
    glyphs,
    preferences: readPreferences(path),
    request: (request) => thread.request(request),
    perform: (action) => {
      void perform(action, thread).catch((error) => app.showResult({ text: messageOf(error), failed: true }));
    },
    remember: (columns) => writePreferences(path, columns),
    onQuit: () => end.end(),
  });
  thread.onResult((result) => app.showResult(result));
  thread.onSnapshot((snapshot) => {
    app.show(snapshot);
    if (mirror) app.showMirror(mirror.see(snapshot), mirror.funnel(snapshot));
  });
  thread.ended.then(
    ({ packets, reason }) => {
      // A file that is none, or holds nothing that can be read, is not looked at: its error is said at once.
      if (!subject.live && packets === 0 && reason !== null) end.end();
      else if (reason !== null) app.showResult({ text: reason, failed: true });
    },
    (error) => end.fail(error),
  );
  const giveBack = async (): Promise<boolean> => {
    app.close();
    return await close();
  };
  try {
    await end.ended;
  } catch (error) {
    await giveBack();
    throw error;
  }
  return await giveBack();
}

/** Hands an action to the capture, its paths made absolute, its filter checked here: the worker must not stand still for that. */
async function perform(action: CaptureAction, thread: FlowSource): Promise<void> {
  if (action.type === "capture-filter" && action.bpf !== null) {
    const { checkCaptureFilter } = await import("../capture/filter/bpf.ts");
    checkCaptureFilter(action.bpf);
  }
  if ("path" in action && action.path !== null && !isAbsolute(action.path)) {
    thread.act({ ...action, path: resolve(action.path) });
  } else thread.act(action);
}

/** The running terminal UI: feeds events to `update()`, carries out its effects, and draws when something has changed. */
import type { ActionResult, CaptureAction } from "../capture/live/messages.ts";
import type { Snapshot, ViewRequest } from "../capture/live/snapshot.ts";
import type { MirrorFunnel, MirrorStatus } from "../mirror/status.ts";
import type { ColumnId } from "./columns.ts";
import type { Glyphs } from "./format.ts";
import { initialModel, type Model, type Preferences, type Subject } from "./model.ts";
import { viewRequest } from "./screens.ts";
import type { Effect } from "./step.ts";
import type { Screen } from "./terminal/screen.ts";
import { type Event, update } from "./update.ts";
import { render } from "./views/frame.ts";

/** The screen is brought up to date four times a second, */
const TICK_MS = 250;
/** and at most ten times, however fast keys come. */
const FRAME_MS = 100;

export interface AppOptions {
  readonly screen: Screen;
  readonly subject: Subject;
  readonly glyphs: Glyphs;
  readonly preferences?: Preferences | undefined;
  /** Asks for what the screen shows; the answer comes back by `show()`. */
  readonly request: (request: ViewRequest) => void;
  /** Asks the capture to do something; what becomes of it comes back by `showResult()`. */
  readonly perform: (action: CaptureAction) => void;
  readonly remember: (columns: readonly ColumnId[]) => void;
  /** The user wants out. */
  readonly onQuit: () => void;
}

export class App {
  readonly #options: AppOptions;
  #model: Model;
  #drawn: Model | null = null;
  #lastDrawMs = 0;
  #drawTimer: NodeJS.Timeout | undefined;
  readonly #ticker: NodeJS.Timeout;
  #suspended = false;
  readonly #onSuspend = (): void => this.#suspend();
  readonly #onContinue = (): void => this.#resume();

  constructor(options: AppOptions) {
    this.#options = options;
    const { screen, subject, preferences } = options;
    this.#model = initialModel(subject, screen.size, Date.now(), preferences);
    screen.onKey((key, text) => this.#dispatch({ type: "key", key, ...(text === undefined ? {} : { text }) }));
    screen.onResize((size) => this.#dispatch({ type: "resize", size }));
    process.on("SIGTSTP", this.#onSuspend);
    process.on("SIGCONT", this.#onContinue);
    this.#ticker = setInterval(() => this.#dispatch({ type: "tick", nowMs: Date.now() }), TICK_MS);
    this.#dispatch({ type: "tick", nowMs: Date.now() });
  }

  /** What the worker answered. */
  show(snapshot: Snapshot): void {
    this.#dispatch({ type: "snapshot", snapshot });
  }

  /** What became of something that was asked for. */
  showResult(result: ActionResult): void {
    this.#dispatch({ type: "result", result });
  }

  /** What OVS says of the mirror. */
  showMirror(strip: MirrorStatus, funnel: MirrorFunnel): void {
    this.#dispatch({ type: "strip", strip, funnel });
  }

  /** Gives the terminal back. */
  close(): void {
    clearInterval(this.#ticker);
    clearTimeout(this.#drawTimer);
    process.off("SIGTSTP", this.#onSuspend);
    process.off("SIGCONT", this.#onContinue);
    this.#suspended = true;
    this.#options.screen.close();
  }

  #dispatch(event: Event): void {
    const { model, effects } = update(this.#model, event);
    this.#model = model;
    for (const effect of effects) this.#carryOut(effect);
    this.#schedule();
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case "request":
        this.#options.request(viewRequest(this.#model));
        break;
      case "quit":
        this.#options.onQuit();
        break;
      case "suspend":
        this.#suspend();
        break;
      case "repaint":
        this.#options.screen.repaint();
        break;
      case "copy":
        this.#options.screen.copy(effect.text);
        break;
      case "capture":
        this.#options.perform(effect.action);
        break;
      case "remember":
        this.#options.remember(effect.columns);
    }
  }

  #schedule(): void {
    if (this.#drawTimer || this.#suspended || this.#model === this.#drawn) return;
    const wait = Math.max(0, this.#lastDrawMs + FRAME_MS - Date.now());
    this.#drawTimer = setTimeout(() => this.#draw(), wait);
  }

  #draw(): void {
    this.#drawTimer = undefined;
    const { screen, glyphs } = this.#options;
    // A terminal that has not taken the last frame gets no other: the next tick tries again.
    if (this.#suspended || screen.busy) return;
    this.#drawn = this.#model;
    this.#lastDrawMs = Date.now();
    screen.draw(render(this.#model, glyphs));
  }

  /** Gives the terminal back and stops this process as the shell's job control expects. */
  #suspend(): void {
    if (this.#suspended) return;
    this.#suspended = true;
    this.#options.screen.leave();
    process.off("SIGTSTP", this.#onSuspend);
    const stop = (): void => {
      if (this.#options.screen.busy) {
        setTimeout(stop, 10);
        return;
      }
      process.kill(process.pid, "SIGTSTP");
      // Where nobody could continue it, the kernel does not stop a process at all: go on then.
      setTimeout(this.#onContinue, 50);
    };
    setImmediate(stop);
  }

  #resume(): void {
    if (process.listenerCount("SIGTSTP") === 0) process.on("SIGTSTP", this.#onSuspend);
    if (!this.#suspended) {
      this.#options.screen.repaint();
      return;
    }
    this.#suspended = false;
    this.#options.screen.resume();
    this.#dispatch({ type: "resize", size: this.#options.screen.size });
  }
}

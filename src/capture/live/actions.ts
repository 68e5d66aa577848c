/** What the user asks of a running capture: saving, recording, exporting, another capture filter, the speed of a file. */
import { messageOf } from "../../core/errors.ts";
import type { Frame } from "../frame.ts";
import type { ActionResult, CaptureAction } from "./messages.ts";
import { exportFlows, PacketRecording, type SavedSource, savePackets } from "./save.ts";
import type { RecordingState } from "./snapshot.ts";
import type { FlowView } from "./view.ts";

export interface ActionTargets {
  readonly view: () => FlowView;
  readonly source: () => SavedSource;
  readonly reopen: (bpf: string | null) => void;
  readonly play: (change: { readonly speed?: number | undefined; readonly paused?: boolean | undefined }) => void;
  readonly jump: (seconds: number) => void;
  readonly say: (result: ActionResult) => void;
}

export class CaptureActions {
  readonly #targets: ActionTargets;
  #recording: PacketRecording | null = null;

  constructor(targets: ActionTargets) {
    this.#targets = targets;
  }

  get recording(): RecordingState | null {
    return this.#recording?.state ?? null;
  }

  /** Does it, and says what became of it. */
  run(action: CaptureAction): void {
    try {
      const text = this.#run(action);
      if (text !== null) this.#targets.say({ text, failed: false });
    } catch (error) {
      this.#targets.say({ text: messageOf(error), failed: true });
    }
  }

  /** A frame has come. */
  add(frame: Frame): void {
    if (!this.#recording) return;
    this.#guard(() => this.#recording!.write(frame));
  }

  flush(): void {
    if (this.#recording) this.#guard(() => this.#recording!.flush());
  }

  /** The capture is over. */
  close(): void {
    this.#stop();
  }

  /** A disk that is full ends the recording, not the capture. */
  #guard(write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#recording = null;
      this.#targets.say({ text: `the recording has ended: ${messageOf(error)}`, failed: true });
    }
  }

  #run(action: CaptureAction): string | null {
    const view = this.#targets.view();
    switch (action.type) {
      case "save": {
        const { what, path } = action;
        const match = what.of === "last" ? view.lastSeconds(what.seconds) : view.matchOf(what);
        const packets = savePackets(view.ring, match, path, this.#targets.source(), commentOf(action));
        return `${packets} packets saved to ${path}`;
      }
      case "record": {
        if (action.path === null) return this.#stop();
        this.#stop();
        this.#recording = new PacketRecording(action.path, this.#targets.source(), "recorded by tapscope watch");
        return `recording to ${action.path}`;
      }
      case "export": {
        const flows = exportFlows(action.path, (piece) => view.writeRecords(action.format, piece));
        return `${flows} flows written to ${action.path}`;
      }
      case "capture-filter":
        this.#targets.reopen(action.bpf);
        return action.bpf === null ? "the capture goes on without a filter" : `the capture goes on with: ${action.bpf}`;
      case "play":
        this.#targets.play(action);
        return null;
      case "jump":
        this.#targets.jump(action.seconds);
        return null;
    }
  }

  #stop(): string | null {
    const recording = this.#recording;
    this.#recording = null;
    if (!recording) return null;
    recording.close();
    const { packets, path } = recording.state;
    return `${packets} packets recorded to ${path}`;
  }
}

function commentOf({ what }: Extract<CaptureAction, { type: "save" }>): string {
  const words = {
    all: "all packets held",
    filtered: "packets of the flows that matched the display filter",
    flow: "packets of one flow",
    last: what.of === "last" ? `packets of the last ${what.seconds} s` : "",
  };
  return `${words[what.of]}, saved from the ring of tapscope watch`;
}

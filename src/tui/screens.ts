/** The five screens, by their ids: a new one is a file of `views/` and a row here. */

import type { ViewRequest } from "../capture/live/snapshot.ts";
import type { Model, ScreenId } from "./model.ts";
import { FLOWS } from "./views/flows.ts";
import { MIRRORS } from "./views/mirrors.ts";
import { OVERVIEW } from "./views/overview.ts";
import { PACKETS } from "./views/packets.ts";
import { TALKERS } from "./views/talkers.ts";
import type { ScreenView } from "./views/view.ts";

export const SCREENS: Readonly<Record<ScreenId, ScreenView>> = {
  overview: OVERVIEW,
  flows: FLOWS,
  packets: PACKETS,
  talkers: TALKERS,
  mirrors: MIRRORS,
};

/** The request whose answer fills the screen as the model stands. */
export function viewRequest(model: Model): ViewRequest {
  return {
    seq: model.seq,
    filter: model.prompt?.kind === "filter" ? model.prompt.line.text : model.filter,
    // A played file that stands still needs no rows kept: nothing comes.
    hold: model.pausedMs !== null && !model.subject.played,
    ...{ flows: null, packets: null, talkers: null, overview: null },
    ...SCREENS[model.screen].query(model),
  };
}

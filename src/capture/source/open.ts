/** Chooses the live source: tcpdump, and where there is none the package cap. */
import { TapscopeError } from "../../core/errors.ts";
import type { Place } from "../../core/place.ts";
import type { LiveOptions, LiveSource } from "./live.ts";
import { Tcpdump } from "./tcpdump.ts";

/** @throws TapscopeError when the device cannot be captured on, or neither source is there. */
export async function openLiveSource(options: LiveOptions & { readonly place: Place }): Promise<LiveSource> {
  try {
    return await Tcpdump.start(options);
  } catch (error) {
    if (!(error instanceof TapscopeError) || error.code !== "E_COMMAND_NOT_FOUND") throw error;
    const { CapSource } = await import("./cap.ts");
    return await CapSource.open(options, error);
  }
}

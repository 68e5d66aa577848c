/** The public library's way to a switch. */
import type { SessionOptions } from "../mirror/session.ts";
import { Switch } from "../mirror/switch.ts";
import { chooseTarget, type TargetOptions } from "./choose-target.ts";

export interface OpenSwitchOptions extends TargetOptions, SessionOptions {}

/** A handle on the switch that is meant; nothing is connected yet. @throws as `chooseTarget` */
export async function openSwitch(options: OpenSwitchOptions = {}): Promise<Switch> {
  const { target, note } = await chooseTarget(options);
  if (note) options.warn?.(note);
  return new Switch(target, options);
}

/** Whether copies that reach a mirror's output are read there: one judgement for `mirror list`, `mirror create` and `doctor`. */
import { describePlace } from "../core/place.ts";
import type { Device } from "./devices.ts";

export interface OutputTrouble {
  readonly code: "output-down" | "output-carrier";
  readonly why: string;
  /** A command that can be pasted, or what to start. */
  readonly fix: string;
}

/** Why nothing arrives at an output's device, or null when something can. */
export function outputTrouble({ name, up, carrier, place }: Device): OutputTrouble | null {
  if (!up) {
    return {
      code: "output-down",
      why: `its output ${name} is down, so nothing arrives`,
      fix: `ip link set dev ${name} up   (in ${describePlace(place)})`,
    };
  }
  if (carrier) return null;
  return {
    code: "output-carrier",
    why: `its output ${name} has no carrier: nothing reads that tap, and the copies vanish`,
    fix: "start what reads it, or use an internal port: tapscope tap create 0",
  };
}

/** Whether copies that reach a mirror's output are read there: one judgement for `mirror list`, `mirror create` and `doctor`. */
import type { Device } from "./devices.ts";

export interface OutputTrouble {
  readonly code: "output-down" | "output-carrier";
  readonly why: string;
}

/** Why nothing arrives at an output's device, or null when something can. */
export function outputTrouble({ name, up, carrier }: Device): OutputTrouble | null {
  if (!up) {
    return {
      code: "output-down",
      why: `its output ${name} is down, so nothing arrives`,
    };
  }
  if (carrier) return null;
  return {
    code: "output-carrier",
    why: `its output ${name} has no carrier: nothing reads that tap, and the copies vanish`,
  };
}

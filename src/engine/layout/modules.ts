/** All modules that the build makes, by file name: the layouts, and what the tables become. */
import { tableModules } from "../tables/generate.ts";
import { constantModules } from "./constants.ts";
import { layoutModules } from "./generate.ts";
import { tunnelsModule } from "./tunnels.ts";

export function generatedModules(): Readonly<Record<string, string>> {
  return { ...layoutModules(), ...constantModules(), ...tableModules(), "tunnels.ts": tunnelsModule() };
}

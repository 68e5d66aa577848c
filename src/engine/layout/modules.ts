/** All modules that the build makes, by file name: the layouts, and what the tables of protocols, applications and fields become. */
import { layoutModules } from "./generate.ts";

export function generatedModules(): Readonly<Record<string, string>> {
  return layoutModules();
}

/** Writes the engine's side of the layouts: AssemblyScript classes without memory management, whose accessors know the offsets. */
import * as layouts from "./layouts.ts";
import * as map from "./memory-map.ts";
import type { FieldType, PlacedField, Struct } from "./struct.ts";

const HEAD = "// Made by the build from src/engine/layout and src/engine/tables: edit those.\n";

/** The text of the modules in `src/engine/generated/`, by file name. */
export function layoutModules(): Record<string, string> {
  const structs = Object.values<Struct>(layouts);
  return {
    "layouts.ts": `${HEAD}import { checkPlace } from "../check";\n${structs.map(structClass).join("")}`,
    "memory.ts": `${HEAD}${memoryConstants()}`,
  };
}

function memoryConstants(): string {
  const regions = [...map.MEMORY.values()].map(
    ({ name, start, end, meaning }) =>
      `/** Begin and end of: ${meaning}. */\nexport const ${name}: i32 = ${start};\nexport const ${name}_END: i32 = ${end};\n`,
  );
  const numbers = Object.entries(map).filter(([, value]) => typeof value === "number");
  return regions.concat(numbers.map(([name, value]) => `export const ${name}: i32 = ${value};\n`)).join("");
}

function structClass(layout: Struct): string {
  const { name, meaning, size, fields } = layout;
  const constant = `${name.replace(/(?<=[a-z])[A-Z]/g, "_$&").toUpperCase()}_BYTES`;
  return `
export const ${constant}: i32 = ${size};

/** ${meaning} */
@unmanaged
export class ${name} {
  /** Its address. */
  get at(): usize {
    return checkPlace(changetype<usize>(this), ${size});
  }
${Object.values<PlacedField>(fields).map(accessors).join("")}}
`;
}

function accessors({ name, type, offset, meaning }: PlacedField): string {
  const comment = meaning === "" ? "" : `  /** ${meaning} */\n`;
  if (typeof type !== "string") {
    const [result, value] =
      "struct" in type
        ? [type.struct.name, `changetype<${type.struct.name}>(this.at + ${offset})`]
        : ["usize", `this.at + ${offset}`];
    return `${comment}  get ${name}(): ${result} {\n    return ${value};\n  }\n`;
  }
  const property = propertyType(type);
  const stored = type === "bool" ? "u8" : type;
  const loaded = `load<${stored}>(this.at, ${offset})`;
  const read = type === "bool" ? `${loaded} != 0` : property === type ? loaded : `<${property}>${loaded}`;
  const written = property === stored ? "value" : `<${stored}>value`;
  return `${comment}  get ${name}(): ${property} {
    return ${read};
  }
  set ${name}(value: ${property}) {
    store<${stored}>(this.at, ${written}, ${offset});
  }
`;
}

/** Small numbers are read as 32 bits, so that sums of them do not wrap. */
function propertyType(type: Extract<FieldType, string>): string {
  return type === "u8" || type === "u16" ? "i32" : type;
}

/** Where the compiled engine is, and its exports. */
import { readFileSync } from "node:fs";
import { TapscopeError } from "../../core/errors.ts";

/** From `dist` the engine lies beside this folder; run from `src`, as the tests do, in `dist` all the same. */
const FOLDER = new URL(import.meta.url.endsWith(".ts") ? "../../../dist/engine/" : "../", import.meta.url);

/** `release`: what users run. `checked`: every access to memory is checked, and a wrong one throws; for tests. */
export type Build = "release" | "checked";

const modules = new Map<Build, WebAssembly.Module>();

/** The engine compiled once per thread: 10 to 20 ms for the release build. @throws TapscopeError where the processor lacks SIMD */
export function engineModule(build: Build): WebAssembly.Module {
  let module = modules.get(build);
  if (!module) {
    const file = build === "release" ? "engine.wasm" : "engine.checked.wasm";
    const bytes = readFileSync(new URL(file, FOLDER));
    if (!WebAssembly.validate(bytes)) throw noSimd();
    module = new WebAssembly.Module(bytes);
    modules.set(build, module);
  }
  return module;
}

/** The engine uses SIMD: V8 offers it from SSE4.1 on (x86-64), which QEMU's default processor lacks. */
function noSimd(): TapscopeError {
  return new TapscopeError("E_NO_SIMD", "this processor has no SIMD instructions that WebAssembly can use (SSE4.1)", {
    hint: "in a virtual machine: give it its host's processor (QEMU: -cpu host, or -cpu max)",
  });
}

/** What AssemblyScript calls when an assertion of the checked build fails: texts are UTF-16, their length in bytes is before them. */
export function abortWith(
  memory: WebAssembly.Memory,
  message: number,
  file: number,
  line: number,
  column: number,
): never {
  const text = (at: number): string => {
    if (at === 0) return "";
    const length = new DataView(memory.buffer).getUint32(at - 4, true);
    return Buffer.from(memory.buffer, at, length).toString("utf16le");
  };
  throw new Error(`engine: ${text(message) || "an assertion failed"} (${text(file)}:${line}:${column})`);
}

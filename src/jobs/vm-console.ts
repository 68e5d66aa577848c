/** Runs a command in a lab's virtual machine, on the user's own terminal as it were: Ctrl-C interrupts it there. */
import type { Lab } from "../lab/find.ts";
import { runOnConsole } from "../lab/vm/console.ts";
import { consolePath } from "../lab/vm/machine.ts";

/** @returns the command's exit code, or 130 when it was interrupted. @throws as `runOnConsole` */
export async function runInVm(lab: Lab, vm: string, argv: readonly string[]): Promise<number> {
  const interrupted = new AbortController();
  const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };
  let code = 0;
  const handler = (signal: keyof typeof codes) => {
    code = codes[signal];
    interrupted.abort();
  };
  for (const signal of Object.keys(codes)) process.on(signal, handler);
  try {
    const exitCode = await runOnConsole(consolePath(lab, vm), vm, argv, {
      onOutput: (bytes) => void process.stdout.write(bytes),
      signal: interrupted.signal,
    });
    return interrupted.signal.aborted ? code : exitCode;
  } finally {
    for (const signal of Object.keys(codes)) process.off(signal, handler);
  }
}

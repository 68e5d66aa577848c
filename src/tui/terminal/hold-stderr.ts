/** Holds back what is written to standard error while the screen is ours: it would tear the picture. */

const KEPT = 1000;

/** @returns what lets it out again, all that was held first. */
export function holdStderr(): () => void {
  const write = process.stderr.write;
  const held: (string | Uint8Array)[] = [];
  process.stderr.write = ((chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    if (held.length < KEPT) held.push(chunk);
    const done = rest.at(-1);
    if (typeof done === "function") process.nextTick(done as () => void);
    return true;
  }) as typeof write;
  const letGo = (): void => {
    process.off("exit", letGo);
    process.stderr.write = write;
    for (const chunk of held.splice(0)) process.stderr.write(chunk);
  };
  process.on("exit", letGo);
  return letGo;
}

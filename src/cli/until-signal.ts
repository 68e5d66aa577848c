/** Runs work that signals and a closed standard output end. */
import { note } from "./context.ts";
import { Shutdown } from "./shutdown.ts";

/**
 * Runs `work`, which a signal aborts, and so does a standard output that takes no more; either decides the exit code.
 * @param kept what is left of work that a signal has ended, for the user: "nothing was kept"
 */
export async function untilSignal(work: (signal: AbortSignal) => Promise<void>, kept?: string): Promise<void> {
  using shutdown = new Shutdown();
  try {
    await work(shutdown.signal);
  } catch (error) {
    if (!shutdown.signal.aborted) throw error;
    const { reason } = shutdown.signal;
    // A reader that has had enough (`tapscope bro cat … | head`) is no error.
    if (!(reason instanceof DOMException)) throw reason;
    if (shutdown.received !== null && kept !== undefined) note(`ended by ${shutdown.received}: ${kept}`);
  }
  if (shutdown.received !== null) process.exitCode = shutdown.exitCode(false);
}

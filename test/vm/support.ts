/** Why no VM can be booted here: what the tests of this folder skip with. */
import { ensureParts, type Parts } from "../../src/lab/vm/vms.ts";

/** What machines are made of, or why they cannot be: with what to do about it. */
export async function partsOrWhyNot(): Promise<{ readonly parts: Parts } | { readonly why: string }> {
  try {
    return { parts: await ensureParts() };
  } catch (error) {
    const { message, hint } = error as { message: string; hint?: string };
    return { why: `${message}${hint === undefined ? "" : ` (${hint})`}` };
  }
}

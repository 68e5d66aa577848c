/** Tells whoever listens (`-v`) what commands are run. Apart from process.ts, so that listening loads nothing. */
import { type Place, wrapForPlace } from "./place.ts";
import { shellQuote } from "./text.ts";

let onCommand: ((line: string) => void) | undefined;

/** Tells `listener` each command as it is run, ready to paste (`-v`); `undefined` ends it. */
export function observeCommands(listener: ((line: string) => void) | undefined): void {
  onCommand = listener;
}

/** Tells of a command: one that is run, or what a person would run for what is done without a program. */
export function tellCommand(argv: readonly string[], place: Place): void {
  onCommand?.(pasteLine(argv, place));
}

/** A command in a place as a line to paste into the user's shell. */
export function pasteLine(argv: readonly string[], place: Place): string {
  return shellQuote(place.lab || place.netns !== undefined ? wrapForPlace(place, argv) : argv);
}

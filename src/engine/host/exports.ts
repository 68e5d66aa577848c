/** The functions of the engine (engine/index.ts), as the host sees them. Booleans are 0 and 1; rows and places are addresses. */

/** A variable that the engine exports: an address, as a signed number. */
interface WasmGlobal {
  readonly value: number;
}

export interface EngineExports {
  readonly memory: WebAssembly.Memory;
  readonly rowsStart: WasmGlobal;
  /** The rows of the frame counted last: its outermost and its innermost connection, 0 for none. */
  readonly outerRow: WasmGlobal;
  readonly innerRow: WasmGlobal;
  start(): void;
  begin(): number;
  makeRoom(bytes: number): void;
  framesTraced(): number;
  takeRecords(start: number, end: number): number;
  takeFrames(start: number, end: number): void;
  letTimePass(now: bigint): void;
  endCapture(): void;
  startRecords(format: number): void;
  writeRow(row: number): void;
  flushRecords(): void;
  recordText(row: number): number;
  deepVlans(row: number): number;
  fieldNumber(field: number, row: number): number;
  fieldText(field: number, row: number): number;
  keepHelloName(row: number, length: number): number;
}

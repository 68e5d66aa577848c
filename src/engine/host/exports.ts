/** The functions of the engine (engine/index.ts), as the host sees them. Booleans are 0 and 1; rows and places are addresses. */

export interface EngineExports {
  readonly memory: WebAssembly.Memory;
  readonly rowsStart: { readonly value: number };
  start(): void;
  begin(): number;
  framesTraced(): number;
  takeRecords(start: number, end: number): number;
  takeFrames(start: number, end: number): void;
  letTimePass(now: bigint): void;
  endCapture(): void;
  startRecords(format: number): void;
  writeRow(row: number): void;
  flushRecords(): void;
  fieldNumber(field: number, row: number): number;
  fieldText(field: number, row: number): number;
  keepHelloName(row: number, length: number): number;
}

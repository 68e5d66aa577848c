/** What `bro cut` is asked for: plain data, so that worker threads can be given it. */

/** What time fields are written as. */
export interface TimeFormat {
  readonly format: string;
  readonly utc: boolean;
}

export interface CutOptions {
  /** Names of columns in the order asked for; empty for all. */
  readonly columns: readonly string[];
  /** All columns but those named. */
  readonly except: boolean;
  /** Header lines of the first block, of all blocks, or none. */
  readonly header: "none" | "first" | "all";
  /** Of header lines only the names. */
  readonly minimal: boolean;
  /** Between fields, where it is not the log's own. */
  readonly separator: string | null;
  readonly time: TimeFormat | null;
  readonly format: "tsv" | "json" | "csv";
  /** A display filter; empty for all rows. */
  readonly where: string;
  /** Microseconds since the epoch of the first row wanted, and of the first not wanted any more. */
  readonly sinceUs: number | null;
  readonly untilUs: number | null;
}

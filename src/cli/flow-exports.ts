/** Options that send connections to others: IPFIX, NATS. */
import { hostname } from "node:os";
import type { Command } from "commander";
import { UsageError } from "../core/errors.ts";
import { sanitize } from "../core/text.ts";
import { parseInteger } from "../core/units.ts";
import type { Exported, RecordExport } from "../jobs/export-records.ts";
import { wholeNumber } from "./choice.ts";
import { note } from "./context.ts";
import { EXIT_FAILED } from "./exit.ts";

export interface ExportFlags {
  readonly ipfix?: string;
  readonly biflow?: boolean;
  readonly ipfixPen?: string;
  readonly publish?: string;
  readonly sensor?: string;
  readonly stream?: string;
}

export function exportOptions(command: Command): Command {
  return command
    .option("--ipfix <collector>", "send connections to an IPFIX collector: udp://host:4739 or tcp://host:4739")
    .option("--biflow", "with --ipfix: both directions in one record (RFC 5103)")
    .option(
      "--ipfix-pen <number>",
      "with --ipfix: also Zeek's fields, as elements of this enterprise number",
      wholeNumber,
    )
    .option("--publish <server>", "publish connections to NATS: nats://host:4222, subject tapscope.<sensor>.conn")
    .option("--sensor <name>", "with --publish: this program's name (default: the host's name)")
    .option("--stream <name>", "with --publish: the JetStream stream that is to keep them; made where there is none");
}

/** Whether connections are sent to others; then a list is only printed where its format is given. */
export function exportsRecords({ ipfix, publish }: ExportFlags): boolean {
  return (ipfix ?? publish) !== undefined;
}

/** @throws UsageError when they contradict each other */
export function checkExports(options: ExportFlags): void {
  if (options.ipfix === undefined && (options.biflow || options.ipfixPen !== undefined)) {
    throw new UsageError("--biflow and --ipfix-pen say how --ipfix sends: it is missing");
  }
  if (options.publish === undefined && (options.sensor ?? options.stream) !== undefined) {
    throw new UsageError("--sensor and --stream say how --publish sends: it is missing");
  }
}

export async function openExport(options: ExportFlags): Promise<RecordExport> {
  const { RecordExport } = await import("../jobs/export-records.ts");
  const { parseCollector } = await import("../export/ipfix/exporter.ts");
  const { checkSensor } = await import("../export/nats.ts");
  const pen =
    options.ipfixPen === undefined ? {} : { pen: parseInteger(options.ipfixPen, "--ipfix-pen", 1, 2 ** 32 - 1) };
  return await RecordExport.open({
    collector: options.ipfix === undefined ? undefined : parseCollector(options.ipfix),
    ipfix: { biflow: options.biflow ?? false, ...pen },
    nats:
      options.publish === undefined
        ? undefined
        : {
            url: options.publish,
            sensor: checkSensor(options.sensor ?? hostname().replace(/[^\w-]/g, "_")),
            ...(options.stream === undefined ? {} : { stream: options.stream }),
          },
  });
}

/** Says what became of the records; some lost is a failure. */
export function tellExported(sent: readonly Exported[]): void {
  for (const { to, records, lost, lastError } of sent) {
    const why = lastError === null ? "" : ` (${sanitize(lastError)})`;
    note(`${to}: ${records - lost} of ${records} connections sent${lost > 0 ? `, ${lost} lost${why}` : ""}`);
    if (lost > 0) process.exitCode = EXIT_FAILED;
  }
}

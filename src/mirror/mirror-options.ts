/**
 * The options of a mirror that are one column of OVSDB's Mirror table (ovs-vswitchd.conf.db(5)), a row each: how it is given on the
 * command line and in a file of declared mirrors, what it may be, how the column is written, read and shown.
 */
import { UsageError } from "../core/errors.ts";
import { parseInteger } from "../core/units.ts";
import type { MirrorInfo } from "./mirror-info.ts";
import { otherVlans, VLANS } from "./vlans.ts";

export interface MirrorOption<T> {
  /** For commander: `--snaplen <bytes>`. */
  readonly flags: string;
  readonly help: string;
  /** The words are numbers of VLANs, or minimega's names of VLANs, between commas. */
  readonly ofVlans?: boolean;
  /** @throws UsageError */
  readonly parse: (text: string) => T;
  /** @throws UsageError for a value no mirror can have */
  readonly check: (value: T) => void;
  readonly column: string;
  /** The column's value, as ovs-vsctl takes it. */
  readonly write: (value: T) => string;
  /** What a mirror has; undefined when it has none. */
  readonly of: (mirror: MirrorInfo) => T | undefined;
  readonly show: (value: T) => string;
}

const option = <T>(row: MirrorOption<T>): MirrorOption<T> => row;

const vlanList = {
  ofVlans: true,
  parse: (text: string): readonly number[] =>
    text
      .split(",")
      .filter((word) => word !== "")
      .map((word) => parseInteger(word, "a VLAN", 0, VLANS - 1)),
  check: (vlans: readonly number[]): void => {
    for (const vlan of vlans) within(vlan, "VLAN", 0, VLANS - 1);
  },
  column: "select_vlan",
};

export const MIRROR_OPTIONS = {
  vlans: option<readonly number[]>({
    ...vlanList,
    flags: "--vlan <n>",
    help: "only frames of these VLANs (several: 100,200)",
    write: (vlans) => vlans.join(","),
    of: ({ vlans }) => (vlans.length > 0 ? vlans : undefined),
    show: (vlans) => `VLAN ${vlans.join(",")}`,
  }),
  notVlans: option<readonly number[]>({
    ...vlanList,
    flags: "--not-vlan <n>",
    help: "all frames but those of these VLANs (several: 100,200)",
    write: (vlans) => otherVlans(vlans).join(","),
    of: ({ not_vlans: vlans }) => (vlans.length > 0 ? vlans : undefined),
    show: (vlans) => `all VLANs but ${vlans.join(",")}`,
  }),
  snaplen: option<number>({
    flags: "--snaplen <bytes>",
    help: "copy only the first bytes of each frame (14 to 65535)",
    parse: (text) => parseInteger(text, "snaplen", 14, 65535),
    check: (snaplen) => within(snaplen, "snaplen", 14, 65535),
    column: "snaplen",
    write: String,
    of: ({ snaplen }) => snaplen ?? undefined,
    show: (snaplen) => `first ${snaplen} bytes`,
  }),
  filter: option<string>({
    flags: "--filter <match>",
    help: "only frames that match, as in OpenFlow (OVS 3.4 and later)",
    parse: (text) => text,
    check: (filter) => {
      if (/\bin_port\b/.test(filter)) throw notAFilter(filter, "in_port cannot be matched in a mirror");
    },
    column: "filter",
    write: (filter) => JSON.stringify(filter),
    of: ({ filter }) => filter ?? undefined,
    show: (filter) => `filter ${filter}`,
  }),
};

type Rows = typeof MIRROR_OPTIONS;
export type MirrorOptionKey = keyof Rows;
/** The options of a request, by their keys. */
export type MirrorOptions = {
  readonly [K in MirrorOptionKey]?: (Rows[K] extends MirrorOption<infer T> ? T : never) | undefined;
};

/** The rows, each with its key, as the same type: a value fits the row it was read by. */
export const OPTION_ROWS = Object.entries(MIRROR_OPTIONS) as unknown as readonly (readonly [
  MirrorOptionKey,
  MirrorOption<unknown>,
])[];

/** The rows of the options that are given, each with its value. An empty list of VLANs is none. */
export function givenOptions(
  options: MirrorOptions,
): { readonly row: MirrorOption<unknown>; readonly value: unknown }[] {
  return OPTION_ROWS.flatMap(([key, row]) => {
    const value = options[key];
    return value === undefined || (Array.isArray(value) && value.length === 0) ? [] : [{ row, value }];
  });
}

/** The options a mirror has, as people read them: `VLAN 100, first 128 bytes`; empty when it has none. */
export function optionsText(mirror: MirrorInfo): string {
  return OPTION_ROWS.flatMap(([, row]) => {
    const value = row.of(mirror);
    return value === undefined ? [] : [row.show(value)];
  }).join(", ");
}

/** A filter that OVS would not understand. */
export function notAFilter(filter: string, why: string): UsageError {
  return new UsageError(`not a filter for a mirror: '${filter}': ${why}`, {
    hint: "an OpenFlow match, e.g. icmp, tcp,tp_dst=80 (ovs-fields(7))",
  });
}

function within(value: number, what: string, min: number, max: number): void {
  if (!(Number.isInteger(value) && value >= min && value <= max))
    throw new UsageError(`${what} ${value} is not in the valid range ${min} to ${max}`);
}

/** Times as strftime(3) writes them in the C locale: what `zeek-cut -D` and `-U` take. */

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  ...["January", "February", "March", "April", "May", "June"],
  ...["July", "August", "September", "October", "November", "December"],
];

/** The parts of a point in time, in UTC or in this machine's zone (`$TZ`). */
interface Parts {
  readonly seconds: number;
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly weekday: number;
  /** Day of the year from 0. */
  readonly yearday: number;
  /** Minutes east of Greenwich. */
  readonly offset: number;
  readonly zone: string;
}

/** @param seconds whole seconds since the epoch */
export function strftime(format: string, seconds: number, utc: boolean): string {
  const parts = partsOf(seconds, utc);
  return format.replace(/%([EO]?)([\s\S])/g, (whole, _, letter: string) => conversion(letter, parts) ?? whole);
}

function partsOf(seconds: number, utc: boolean): Parts {
  const date = new Date(seconds * 1000);
  const offset = utc ? 0 : -date.getTimezoneOffset();
  // The wall clock there, as if it were UTC.
  const wall = new Date(seconds * 1000 + offset * 60_000);
  const year = wall.getUTCFullYear();
  return {
    seconds,
    year,
    month: wall.getUTCMonth(),
    day: wall.getUTCDate(),
    hour: wall.getUTCHours(),
    minute: wall.getUTCMinutes(),
    second: wall.getUTCSeconds(),
    weekday: wall.getUTCDay(),
    yearday: Math.floor((Date.UTC(year, wall.getUTCMonth(), wall.getUTCDate()) - Date.UTC(year, 0, 1)) / 86_400_000),
    offset,
    zone: utc ? "GMT" : zoneName(date),
  };
}

function zoneName(date: Date): string {
  const parts = new Intl.DateTimeFormat("en-US", { timeZoneName: "short" }).formatToParts(date);
  return parts.find(({ type }) => type === "timeZoneName")?.value ?? "";
}

const pad = (value: number, width = 2, fill = "0") => String(value).padStart(width, fill);

/** Undefined for a letter that strftime does not know: it stays as it is. */
function conversion(letter: string, p: Parts): string | undefined {
  const all = (format: string) =>
    format.replace(/%([\s\S])/g, (_, inner: string) => conversion(inner, p) ?? `%${inner}`);
  const hour12 = p.hour % 12 || 12;
  switch (letter) {
    case "a":
      return DAYS[p.weekday]!.slice(0, 3);
    case "A":
      return DAYS[p.weekday]!;
    case "b":
    case "h":
      return MONTHS[p.month]!.slice(0, 3);
    case "B":
      return MONTHS[p.month]!;
    case "c":
      return all("%a %b %e %H:%M:%S %Y");
    case "C":
      return pad(Math.floor(p.year / 100));
    case "d":
      return pad(p.day);
    case "D":
    case "x":
      return all("%m/%d/%y");
    case "e":
      return pad(p.day, 2, " ");
    case "F":
      return all("%Y-%m-%d");
    case "g":
      return pad(isoWeek(p).year % 100);
    case "G":
      return String(isoWeek(p).year);
    case "H":
      return pad(p.hour);
    case "I":
      return pad(hour12);
    case "j":
      return pad(p.yearday + 1, 3);
    case "k":
      return pad(p.hour, 2, " ");
    case "l":
      return pad(hour12, 2, " ");
    case "m":
      return pad(p.month + 1);
    case "M":
      return pad(p.minute);
    case "n":
      return "\n";
    case "p":
      return p.hour < 12 ? "AM" : "PM";
    case "P":
      return p.hour < 12 ? "am" : "pm";
    case "r":
      return all("%I:%M:%S %p");
    case "R":
      return all("%H:%M");
    case "s":
      return String(p.seconds);
    case "S":
      return pad(p.second);
    case "t":
      return "\t";
    case "T":
    case "X":
      return all("%H:%M:%S");
    case "u":
      return String(p.weekday || 7);
    case "U":
      return pad(Math.floor((p.yearday + 7 - p.weekday) / 7));
    case "V":
      return pad(isoWeek(p).week);
    case "w":
      return String(p.weekday);
    case "W":
      return pad(Math.floor((p.yearday + 7 - ((p.weekday + 6) % 7)) / 7));
    case "y":
      return pad(((p.year % 100) + 100) % 100);
    case "Y":
      return String(p.year);
    case "z": {
      const minutes = Math.abs(p.offset);
      return `${p.offset < 0 ? "-" : "+"}${pad(Math.floor(minutes / 60))}${pad(minutes % 60)}`;
    }
    case "Z":
      return p.zone;
    case "%":
      return "%";
    default:
      return undefined;
  }
}

/** The week of ISO 8601: the one with the year's first Thursday is the first. */
function isoWeek({ year, yearday, weekday }: Parts): { year: number; week: number } {
  const thursday = yearday + 4 - (weekday || 7);
  const length = (of: number) => (new Date(Date.UTC(of, 1, 29)).getUTCMonth() === 1 ? 366 : 365);
  if (thursday < 0) return { year: year - 1, week: Math.floor((thursday + length(year - 1)) / 7) + 1 };
  if (thursday >= length(year)) return { year: year + 1, week: 1 };
  return { year, week: Math.floor(thursday / 7) + 1 };
}

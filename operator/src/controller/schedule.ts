/** The least and greatest value of each field: minute, hour, day of the month, month, day of the week. */
const BOUNDS = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 6],
] as const;
/** Among so many days is every date, February the 29th of a Sunday too. */
const MOST_DAYS = 366 * 29;
const DAY_MS = 86_400_000;

interface Schedule {
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly days: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  readonly weekdays: ReadonlySet<number>;
  /** Where both are restricted, either of them is enough (crontab(5)). */
  readonly either: boolean;
}

/**
 * When a CronJob's schedule last asked for a run.
 *
 * @param schedule - five fields of numbers
 * @param timeZone - by its name in the IANA database
 * @param time - milliseconds; a run at this moment counts
 * @returns undefined where schedule or time zone aren't valid, or there is no such moment
 */
export function lastScheduled(schedule: string, timeZone: string, time: number): number | undefined {
  return scheduled(schedule, timeZone, {time, step: -1});
}

/** When it next asks for a run, after `time`; as {@link lastScheduled}. */
export function nextScheduled(schedule: string, timeZone: string, time: number): number | undefined {
  return scheduled(schedule, timeZone, {time, step: 1});
}

function scheduled(text: string, zone: string, {time, step}: {time: number; step: 1 | -1}): number | undefined {
  const schedule = parsed(text);
  const offset = offsetsOf(zone);
  if (schedule === undefined || offset === undefined) return undefined;
  const first = Math.floor((time + offset(time)) / DAY_MS);
  const ordered = (values: readonly number[]): readonly number[] => (step === 1 ? values : values.toReversed());
  for (let passed = 0; passed <= MOST_DAYS; passed++) {
    const midnight = (first + passed * step) * DAY_MS;
    if (!isDay(schedule, new Date(midnight))) continue;
    for (const hour of ordered(schedule.hours)) {
      for (const minute of ordered(schedule.minutes)) {
        const at = instantOf(midnight + (hour * 60 + minute) * 60_000, offset);
        if (step === 1 ? at > time : at <= time) return at;
      }
    }
  }
  return undefined;
}

function isDay({days, months, weekdays, either}: Schedule, date: Date): boolean {
  if (!months.has(date.getUTCMonth() + 1)) return false;
  const [day, weekday] = [days.has(date.getUTCDate()), weekdays.has(date.getUTCDay())];
  return either ? day || weekday : day && weekday;
}

function parsed(text: string): Schedule | undefined {
  const fields = text.split(' ');
  const all = BOUNDS.map((bounds, index) => valuesOf(fields[index] ?? '', bounds));
  const [minutes, hours, days, months, weekdays] = all;
  if (fields.length !== BOUNDS.length || !minutes || !hours || !days || !months || !weekdays) return undefined;
  const restricted = [fields[2], fields[4]].every((field) => !(field ?? '').split(',').includes('*'));
  return {
    ...{minutes, hours, either: restricted},
    ...{days: new Set(days), months: new Set(months), weekdays: new Set(weekdays)},
  };
}

/**
 * The values of a field, in order.
 *
 * @returns undefined where it isn't valid
 */
function valuesOf(field: string, bounds: readonly [number, number]): number[] | undefined {
  const values = new Set<number>();
  for (const part of field.split(',')) {
    const range = rangeOf(part, bounds);
    if (range === undefined) return undefined;
    for (let value = range.from; value <= range.to; value += range.step) values.add(value);
  }
  return [...values].sort((a, b) => a - b);
}

interface Range {
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

function rangeOf(part: string, [least, greatest]: readonly [number, number]): Range | undefined {
  const found = /^(?:(\*)|(\d+)(?:-(\d+))?)(?:\/(\d+))?$/.exec(part);
  if (found === null) return undefined;
  const [, star, low, high, stepText] = found;
  const from = star === undefined ? Number(low) : least;
  // "5/15" goes on to the end, as "5-59/15" does.
  const isOpen = high === undefined && (star !== undefined || stepText !== undefined);
  const to = isOpen ? greatest : Number(high ?? low);
  const step = Number(stepText ?? '1');
  return from < least || to > greatest || from > to || step < 1 ? undefined : {from, to, step};
}

type Offset = (time: number) => number;

/** Making one takes much longer than using it. */
const offsets = new Map<string, Offset | undefined>();

/** How far a zone's clocks are ahead of UTC, by the moment. */
function offsetsOf(timeZone: string): Offset | undefined {
  if (!offsets.has(timeZone)) offsets.set(timeZone, newOffset(timeZone));
  return offsets.get(timeZone);
}

function newOffset(timeZone: string): Offset | undefined {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', {
      ...{timeZone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric'},
      ...{hour: 'numeric', minute: 'numeric', second: 'numeric'},
    });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
  return (time) => {
    const parts = new Map(format.formatToParts(time).map(({type, value}) => [type, Number(value)]));
    const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
    const shown = Date.UTC(
      ...([part('year'), part('month') - 1, part('day')] as const),
      ...([part('hour'), part('minute'), part('second')] as const),
    );
    return shown - Math.floor(time / 1000) * 1000;
  };
}

/** The moment at which a zone's clocks show a time. */
function instantOf(shown: number, offset: Offset): number {
  const guess = shown - offset(shown);
  return shown - offset(guess);
}

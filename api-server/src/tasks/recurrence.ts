import {RRuleTemporal} from 'rrule-temporal';
import type {Recurrence} from './schema.ts';

/** Periods that a rule must fit within to be taken, so that one that never fits costs little to refuse. */
const MAX_PERIODS = 500;
/**
 * Periods within which a rule that was taken is followed. A day of a month on a day of the week is at most 40 years away
 * (29 February, over 2100), so what fitted once is found again, however fine its periods are.
 */
const MAX_PERIODS_AHEAD = 15_000;
/** Candidates that one look may go through. */
const MAX_CANDIDATES = 20_000;
const FREQUENCIES = new Set(['DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY']);
const MAX_INTERVAL = 1000;
const MAX_COUNT = 1000;
/** A task's due time ends before this year. */
const END = Date.UTC(9000, 0);

/** The parts of RFC 5545, section 3.3.10, but for those that make a rule finer than a day or that nobody writes by hand. */
const PARTS: ReadonlyMap<string, RegExp> = new Map([
  ['FREQ', /^[A-Z]+$/],
  ['INTERVAL', /^\d{1,4}$/],
  ['COUNT', /^\d{1,4}$/],
  ['UNTIL', /^\d{8}T\d{6}Z$/],
  ['BYDAY', /^([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)(,([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)){0,20}$/],
  ['BYMONTHDAY', /^[+-]?\d{1,2}(,[+-]?\d{1,2}){0,30}$/],
  ['BYMONTH', /^\d{1,2}(,\d{1,2}){0,11}$/],
  ['BYSETPOS', /^[+-]?\d{1,3}(,[+-]?\d{1,3}){0,9}$/],
  ['WKST', /^(MO|TU|WE|TH|FR|SA|SU)$/],
]);

/** Why a recurrence is no good: which of its fields, and what must be so. */
export interface RecurrenceFault {
  readonly field: 'rule' | 'timeZone';
  readonly message: string;
}

/** The due time of the next task, and the recurrence that it goes on with. */
export interface Following {
  readonly dueAt: string;
  readonly recurrence: Recurrence;
}

/**
 * Says what is wrong with a recurrence, if anything is.
 *
 * @param dueAt the first due time, RFC 3339 in UTC.
 */
export function faultOf(recurrence: Recurrence, dueAt: string): RecurrenceFault | undefined {
  const message = faultOfParts(recurrence.rule);
  if (message !== undefined) return {field: 'rule', message};
  if (!isTimeZone(recurrence.timeZone)) {
    return {field: 'timeZone', message: 'must be the name of a time zone of the IANA database, such as Europe/Paris'};
  }
  try {
    const after = Date.parse(dueAt);
    return occurrenceAfter(ruleOf(recurrence, dueAt, MAX_PERIODS), after) === 'out-of-reach'
      ? {field: 'rule', message: `must fit some time within ${MAX_PERIODS} of its periods`}
      : undefined;
  } catch (error) {
    // The library has one class of error for all that a rule can have wrong, and says what.
    return {
      field: 'rule',
      message: `is not a rule of RFC 5545: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}

/**
 * What comes after a task that is completed: the first occurrence after its due time that isn't past already. So a task
 * that was forgotten for a month makes one task, not thirty.
 *
 * The series goes on from the due time that the task has, and its COUNT is of the tasks that are left, this one included.
 *
 * @param dueAt the completed task's due time, RFC 3339 in UTC.
 * @returns undefined when the series is at its end, or its rule fits no time within reach.
 */
export function following(recurrence: Recurrence, dueAt: string, now: Date): Following | undefined {
  const rule = ruleOf(recurrence, dueAt, MAX_PERIODS_AHEAD);
  const after = Math.max(Date.parse(dueAt), now.getTime());
  const count = COUNT.exec(recurrence.rule)?.[1];
  if (count === undefined) {
    const time = occurrenceAfter(rule, after);
    return typeof time === 'number' ? {dueAt: new Date(time).toISOString(), recurrence} : undefined;
  }
  // One by one, for those passed over count too.
  let time: Occurrence = Date.parse(dueAt);
  for (let left = Number(count) - 1; left > 0; left--) {
    time = occurrenceAfter(rule, time);
    if (typeof time !== 'number') return undefined;
    if (time > after) {
      const remaining = recurrence.rule.replace(COUNT, `COUNT=${left}`);
      return {dueAt: new Date(time).toISOString(), recurrence: {...recurrence, rule: remaining}};
    }
  }
  return undefined;
}

const COUNT = /(?<=^|;)COUNT=(\d+)/;

/** Milliseconds since the epoch, or why there are none. */
type Occurrence = number | 'ended' | 'out-of-reach';

function occurrenceAfter(rule: RRuleTemporal, after: number): Occurrence {
  try {
    const found = rule.next(new Date(after));
    return found === null || found.epochMilliseconds >= END ? 'ended' : found.epochMilliseconds;
  } catch (error) {
    // So the library says that a bound was reached; it has no class for it.
    if (error instanceof Error && error.message.startsWith('Maximum ')) return 'out-of-reach';
    throw error;
  }
}

/** COUNT is left out: it is counted here, where the series goes on over tasks. */
function ruleOf({rule, timeZone}: Recurrence, dueAt: string, maxPeriods: number): RRuleTemporal {
  const start = dueAt.replaceAll(/[-:]|\.\d+/g, '');
  const parts = rule.split(';').filter((part) => !part.startsWith('COUNT='));
  return new RRuleTemporal({
    rruleString: `DTSTART:${start}\nRRULE:${parts.join(';')}`,
    tzid: timeZone,
    // The task itself is the first occurrence, whether or not somebody moved it off the rule.
    includeDtstart: true,
    strict: true,
    maxIterations: maxPeriods,
    maxCandidateEvaluations: MAX_CANDIDATES,
  });
}

/** What the library lets pass: parts it doesn't know, parts given twice, numbers that mean nothing. */
function faultOfParts(rule: string): string | undefined {
  const seen = new Map<string, string>();
  for (const part of rule.split(';')) {
    const [name = '', value = '', ...rest] = part.split('=');
    if (PARTS.get(name)?.test(value) !== true || rest.length > 0) return `has a part that is not taken: ${part}`;
    if (seen.has(name)) return `has ${name} twice`;
    seen.set(name, value);
  }
  if (!FREQUENCIES.has(seen.get('FREQ') ?? '')) return 'must have FREQ=DAILY, WEEKLY, MONTHLY or YEARLY';
  if (seen.has('COUNT') && seen.has('UNTIL')) return 'must not have both COUNT and UNTIL';
  return faultOfNumbers(seen);
}

function faultOfNumbers(parts: ReadonlyMap<string, string>): string | undefined {
  for (const [name, [lowest, highest]] of Object.entries(NUMBERS)) {
    const numbers = parts.get(name)?.split(',') ?? [];
    const within = numbers.map((text) => Math.abs(Number(text))).every((n) => n >= lowest && n <= highest);
    if (!within) return `must have ${name} from ${lowest} to ${highest}`;
  }
  return undefined;
}

const NUMBERS: Readonly<Record<string, readonly [number, number]>> = {
  INTERVAL: [1, MAX_INTERVAL],
  COUNT: [1, MAX_COUNT],
  BYMONTHDAY: [1, 31],
  BYMONTH: [1, 12],
  BYSETPOS: [1, 366],
};

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', {timeZone: name}).resolvedOptions().timeZone !== '';
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

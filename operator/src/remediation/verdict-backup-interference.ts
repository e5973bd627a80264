import type {ExplainedSignal, Verdict} from '../api/v1alpha1/index.ts';
import {breachSignals, describeBreach, type Assessment} from './assessment.ts';
import {contrast} from './contrast.ts';
import {no, yes, type Finding} from './finding.ts';
import {at, clip, iso} from './text.ts';
import type {BackupFacts} from './types.ts';

/** The signal that says which backup was under way when the breach began, and when that was. */
const SIGNAL = 'backup under way when it began';
/** Verdicts that can stand without a breach: their time says nothing of one. */
const WITHOUT_BREACH: readonly (Verdict | 'None')[] = ['None', 'TelemetryGap', 'RolloutBlocked', 'Hung', 'MemoryLeak'];

/** A breach that began while a backup was made. */
interface Onset {
  readonly job: string;
  readonly began: number;
  /** Undefined: its Job is gone, and with it when it ended. */
  readonly run: BackupFacts | undefined;
}

/**
 * The database is slow because a backup reads all of it: responses became slow, or wait for the database, while one was
 * under way. It holds as long as what was measured is of that time; what was broken before, what old pods do better with,
 * and what fails without waiting is another's doing.
 */
export function backupInterference(a: Assessment): Finding {
  const [breach] = a.breaches;
  if (breach === undefined || a.window === undefined) return no('no objective is breached');
  const onset = onsetOf(a);
  if (onset === undefined) return no('no backup was under way when it began');
  const {job, run} = onset;
  if (!isSlow(a)) return no(`Job "${job}" makes a backup, but responses are not slow, and none waits for the database`);
  const {result, reason} = contrast(a);
  if (result === 'Worse') return no(`Job "${job}" makes a backup, but its old pods do better meanwhile: ${reason}`);
  if (!touches(a, run)) return no(`it began while Job "${job}" made a backup, and goes on without it`);
  const until = run?.endedAt === undefined ? 'which goes on' : `which ended at ${iso(run.endedAt)}`;
  return yes(
    `${describeBreach(breach, a.window)}, since ${iso(onset.began)}: while Job "${job}" makes a backup, ${until}.`,
    signals(a, onset),
  );
}

/** It began while a backup was made, and goes on without it, and nothing else explains it. */
export function backupOutlived(a: Assessment): Finding {
  const [breach] = a.breaches;
  const onset = onsetOf(a);
  if (breach === undefined || a.window === undefined || onset === undefined || touches(a, onset.run) || !isSlow(a))
    return no('no breach outlives a backup');
  return yes(
    `${describeBreach(breach, a.window)}. It began at ${iso(onset.began)} while Job "${onset.job}" made a backup, and ` +
      'goes on though that has ended.',
    signals(a, onset),
  );
}

/** What stands in status goes on; else a run whose time the act window shares, and that began before the breach. */
function onsetOf(a: Assessment): Onset | undefined {
  const found = a.previous?.verdict === 'BackupInterference' ? a.previous.signals : [];
  const known = found.find(({name}) => name === SIGNAL);
  const {backups} = a.o;
  if (known !== undefined) {
    return {job: known.value, began: at(known.time) ?? a.now, run: backups.find(({job}) => job === known.value)};
  }
  const began = beganAt(a);
  const run = backups.find((each) => each.startedAt <= began && touches(a, each));
  return run && {job: run.job, began, run};
}

/** Since when it is breached, as far as that was told; now, if it was not. */
function beganAt({now, o, previous}: Assessment): number {
  const told = previous === undefined || WITHOUT_BREACH.includes(previous.verdict) ? undefined : at(previous.time);
  return Math.min(now, o.fleet.breachedSince ?? now, told ?? now);
}

/** Whether what was measured is, if only in part, of the time of a run. */
function touches({window}: Assessment, run: BackupFacts | undefined): boolean {
  if (run === undefined) return false;
  return run.endedAt === undefined || (window !== undefined && window.from < run.endedAt);
}

/** As by a database that has much to read: answers come late, or requests wait for it. */
function isSlow({breaches, o: {database}}: Assessment): boolean {
  const waits = (database.poolWaits ?? 0) > 0 || (database.slowQueries ?? 0) > 0;
  return waits || breaches.some(({objective}) => objective.name === 'latency');
}

function signals(a: Assessment, {job, began}: Onset): ExplainedSignal[] {
  const measured = a.window === undefined ? [] : breachSignals(a.apart ? 'new pods' : 'all pods', a.breaches, a.window);
  return [{name: SIGNAL, value: clip(job, 63), source: 'Jobs of backups', time: iso(began)}, ...measured];
}

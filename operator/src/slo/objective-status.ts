import type {ObjectiveState, ObjectiveStatus} from '../api/v1alpha1/index.ts';
import type {Budget} from './budget.ts';
import type {Objective, SloSpec} from './objectives.ts';
import type {WindowCounts} from './types.ts';

/** How objectives are shown. */
export interface ObjectiveOptions {
  readonly slo: SloSpec;
  /** Responses before it don't count for the state (`measuredSince` of remediation), milliseconds. */
  readonly since?: number | undefined;
  /** What status shows now: a figure that moved by less than its rounding stays as it is. */
  readonly previous?: readonly ObjectiveStatus[] | undefined;
}

/** What was measured of the service, for one objective. */
export interface Measured {
  readonly breached: ReadonlySet<Objective['name']>;
  readonly service: WindowCounts | undefined;
  /** No pod is Ready, though one was. */
  readonly down: boolean;
  readonly lastReadAt: number | undefined;
  /** Valid responses of the last hours. */
  readonly recentlyValid: number;
  readonly budget: Budget;
  /** What status showed when measuring began: what a former process knew. */
  readonly inherited: Inherited;
}

/** States by the name of the objective, and when they were read. */
export interface Inherited {
  readonly at: number;
  readonly states: ReadonlyMap<Objective['name'], ObjectiveState>;
}

/** Three readings at rest: a service that wasn't read for longer isn't known. */
const STALE_MS = 90_000;
/** Fewer responses than this in the last hours don't show that a promise is kept. */
const MIN_VALID = 10;
const UNKNOWN = 'unknown';

/**
 * One entry of status.slo. The state is that of the act windows: Breached is what an action is considered for, and a
 * gap is Inconclusive, not Met; what is left of the whole window is the budget's to say.
 *
 * @param now milliseconds
 * @param objective the promise
 * @param measured what was measured
 * @param previous what status shows
 */
export function objectiveStatus(
  now: number,
  objective: Objective,
  measured: Measured,
  previous: ObjectiveStatus | undefined,
): ObjectiveStatus {
  const shown = previous?.objective === objective.text ? previous : undefined;
  const {remaining, coverage} = measured.budget;
  return {
    name: objective.name,
    objective: objective.text,
    current: current(objective, measured.service, shown?.current),
    budgetRemaining: coverage === 0 ? UNKNOWN : steady(remaining * 100, 1, shown?.budgetRemaining),
    coverage: steady(coverage * 100, 1, shown?.coverage),
    state: state(now, objective, measured),
  };
}

function state(now: number, {name}: Objective, measured: Measured): ObjectiveState {
  if (measured.breached.has(name) || (measured.down && name === 'availability')) return 'Breached';
  // A successor knows no better before it has read for as long as a gap may last; until then no state flips and back.
  const {at, states} = measured.inherited;
  const inherited = now - at <= STALE_MS ? states.get(name) : undefined;
  if (inherited !== undefined && inherited !== 'Inconclusive') return inherited;
  const fresh = measured.lastReadAt !== undefined && now - measured.lastReadAt <= STALE_MS;
  return fresh && !measured.down && measured.recentlyValid >= MIN_VALID ? 'Met' : 'Inconclusive';
}

/** The share that the objective speaks of; its bad part is rounded to two significant digits. */
function current(objective: Objective, service: WindowCounts | undefined, shown: string | undefined): string {
  const {bad, of} = service === undefined ? {bad: 0, of: 0} : objective.count(service);
  if (of === 0) return UNKNOWN;
  const badPercent = (bad / of) * 100;
  // A hundredth of a percent is the least that is shown: at 0 there are no significant digits.
  const unit = Math.max(0.01, badPercent === 0 ? 0 : 10 ** (Math.floor(Math.log10(badPercent)) - 1));
  return steady(objective.name === 'errorRate' ? badPercent : 100 - badPercent, unit, shown);
}

/**
 * Rounds a percentage, but keeps what is shown as long as the figure is within a unit of it: a figure that lies
 * between two roundings would be rewritten for ever by noise.
 */
function steady(percent: number, unit: number, shown: string | undefined): string {
  const before = shown?.endsWith('%') === true ? Number(shown.slice(0, -1)) : Number.NaN;
  if (Math.abs(percent - before) < unit) return shown ?? '';
  const digits = Math.max(0, -Math.floor(Math.log10(unit) + 1e-9));
  return `${Number((Math.round(percent / unit) * unit).toFixed(digits))}%`;
}

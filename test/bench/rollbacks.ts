import type {Progress} from '../../hack/lib/progress.ts';
import type {MaintenanceApi} from '../../operator/src/api/v1alpha1/index.ts';
import {deploymentPatches} from '../harness/audit.ts';
import {isBroken, type LedgerEntry} from '../harness/ledger.ts';
import {waitFor, WaitTimeout} from '../harness/wait.ts';
import type {World} from '../harness/world.ts';

/** Requests a second, each with a new connection. */
export const RATE = 50;
/** Long enough for a release, its rollback and a minute after it; a load job ends by itself, whatever happens here. */
const LOAD_SECONDS = 600;
/** So many answers of the good revision before each release. */
const GOOD_ANSWERS = 10 * RATE;
const GOOD_TIMEOUT_MS = 240_000;
/** A rollback that hasn't come by then doesn't count as one any more. */
const ROLLBACK_TIMEOUT_MS = 180_000;
/** Around the patch, milliseconds: in this time no request may break. */
const BEFORE_MS = 10_000;
const AFTER_MS = 60_000;

/** One bad release and what became of it. */
export interface Rollback {
  /** First bad answer that the client saw → Deployment patched, milliseconds; Infinity: it was not. */
  readonly latencyMs: number;
  /** Requests from 10 s before the patch to 60 s after it. */
  readonly around: number;
  /** Those of them that were refused, reset or timed out. */
  readonly broken: readonly LedgerEntry[];
}

/**
 * Reads one bad release from the client's ledger and the audit log.
 *
 * @param ledger - of the client, in any order
 * @param patches - times of the operator's patches of the Deployment, milliseconds
 * @param releasedAt - when the bad release was made, milliseconds
 */
export function readRollback(ledger: readonly LedgerEntry[], patches: readonly number[], releasedAt: number): Rollback {
  const bad = ledger.filter(({s, t}) => s >= 500 && t >= releasedAt).map(answeredAt);
  const firstBad = Math.min(...bad);
  const patched = Math.min(...patches.filter((time) => time > firstBad));
  if (!Number.isFinite(patched)) return {latencyMs: Infinity, around: 0, broken: []};
  const around = ledger.filter(({t}) => t >= patched - BEFORE_MS && t <= patched + AFTER_MS);
  return {latencyMs: patched - firstBad, around: around.length, broken: around.filter(isBroken)};
}

const answeredAt = ({t, ms}: LedgerEntry): number => t + ms;

/** Where and how often bad releases are made. */
export interface RollbackOptions {
  readonly world: World;
  readonly where: {readonly namespace: string; readonly name: string};
  readonly runs: number;
  readonly progress: Progress;
}

/**
 * Releases an image that fails one request in five, again and again, each time as a revision that was never seen, and
 * each time from the same good one that serves. The traffic is one load job a run.
 */
export async function measureRollbacks(options: RollbackOptions): Promise<readonly Rollback[]> {
  const rollbacks: Rollback[] = [];
  for (let index = 1; index <= options.runs; index += 1) {
    rollbacks.push(
      await options.progress.run(`bad release ${index} of ${options.runs}, about 2 min`, async ({detail}) =>
        new Release(options, index, detail).measure(),
      ),
    );
  }
  return rollbacks;
}

/** One bad release. */
class Release {
  readonly #world: World;
  readonly #where: RollbackOptions['where'];
  readonly #index: number;
  readonly #say: (text: string) => void;
  readonly #load: string;

  constructor({world, where}: RollbackOptions, index: number, say: (text: string) => void) {
    this.#world = world;
    this.#where = where;
    this.#index = index;
    this.#say = say;
    this.#load = `release-${index}`;
  }

  async measure(): Promise<Rollback> {
    const {namespace} = this.#where;
    await this.#world.startLoad(this.#where, {name: this.#load, rate: RATE, seconds: LOAD_SECONDS, writes: 0.1});
    try {
      const good = await this.#goodServes();
      const releasedAt = Date.now();
      const env = [{name: 'BENCH_RUN', value: String(this.#index)}];
      await this.#world.patchSpec(this.#where, {image: this.#world.images.failing.ref, env});
      const isRolledBack = await this.#rolledBack(good);
      if (isRolledBack) await this.#afterwards(releasedAt);
      const rollback = readRollback(await this.#ledger(), await this.#patches(), releasedAt);
      if (isRolledBack) await this.#ended();
      await this.#world.patchSpec(this.#where, {image: this.#world.images.api.ref, env: null});
      await this.#world.waitApi(this.#where, 'the good revision serves again', settledOn(good), GOOD_TIMEOUT_MS);
      return rollback;
    } finally {
      await this.#world.kubectl(['delete', 'job', '-n', namespace, this.#load, '--wait=true']);
    }
  }

  /** Waits until the good revision has baked and serves, and the client has seen it for a while. @returns its hash */
  async #goodServes(): Promise<string> {
    this.#say('the good revision serves');
    const {status} = await this.#world.waitApi(
      this.#where,
      'the revision is the last known good',
      (api) => settledOn(api.status?.revisions?.lastKnownGood)(api),
      GOOD_TIMEOUT_MS,
    );
    await waitFor(
      'good answers before the release',
      async () => ((await this.#ledger()).filter(({s}) => s < 400 && s > 0).length >= GOOD_ANSWERS ? true : undefined),
      GOOD_TIMEOUT_MS,
    );
    return status?.revisions?.lastKnownGood ?? '';
  }

  async #rolledBack(good: string): Promise<boolean> {
    this.#say('released');
    try {
      await this.#world.waitApi(
        this.#where,
        'the bad revision is rolled back',
        ({status}) =>
          status?.revisions?.serving === good &&
          status.revisions.suspended?.some(({hash}) => hash === status.revisions?.desired) === true,
        ROLLBACK_TIMEOUT_MS,
      );
      return true;
    } catch (error) {
      if (error instanceof WaitTimeout) return false;
      throw error;
    }
  }

  /** Waits until the ledger holds the minute after the patch. */
  async #afterwards(releasedAt: number): Promise<void> {
    this.#say('rolled back; the minute after it');
    await waitFor(
      'the minute after the rollback is in the ledger',
      async () => {
        const patched = Math.max(...(await this.#patches()).filter((time) => time > releasedAt));
        // Read only once it can be there: the ledger is long.
        if (Date.now() < patched + AFTER_MS) return undefined;
        return (await this.#ledger()).some(({t}) => t > patched + AFTER_MS) ? true : undefined;
      },
      2 * AFTER_MS,
    );
  }

  /** An action that a new release interrupts has no outcome. */
  async #ended(): Promise<void> {
    this.#say('waiting for the end of the action');
    await this.#world.waitApi(
      this.#where,
      'the action has ended',
      ({status}) => status?.remediation?.action === undefined,
      GOOD_TIMEOUT_MS,
    );
  }

  #ledger(): Promise<LedgerEntry[]> {
    return this.#world.ledger(this.#where.namespace, this.#load);
  }

  async #patches(): Promise<number[]> {
    const patches = await this.#world.audit(deploymentPatches(this.#where.namespace, this.#where.name));
    return patches.map(({stageTimestamp}) => Date.parse(stageTimestamp));
  }
}

/** Whether this revision is wanted, serves, is good, and nothing is under way. */
const settledOn =
  (hash: string | undefined) =>
  ({status}: MaintenanceApi): boolean => {
    const {desired, serving, lastKnownGood} = status?.revisions ?? {};
    return (
      hash !== undefined &&
      [desired, serving, lastKnownGood].every((revision) => revision === hash) &&
      status?.remediation?.action === undefined &&
      status?.conditions?.some(({type, status: holds}) => type === 'Ready' && holds === 'True') === true
    );
  };

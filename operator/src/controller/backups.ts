import {resultOf, type ChildResult} from '../act/children.ts';
import type {AttemptResult} from '../act/attempts.ts';
import {resources, type MaintenanceApi} from '../api/v1alpha1/index.ts';
import {backupInputOf, backupJob, backupJobName, childNames, retainedLabels} from '../desired/index.ts';
import type {KubeObject} from '../desired/index.ts';
import {planBackups, planPatches, type BackupsPlan, type BackupsStatus} from './backup-plan.ts';
import {backupReady, lastAsked, type BackupAnswer} from './backup-ready.ts';
import {backupRuns, type BackupRun} from './backup-runs.ts';
import type {ResourceState} from './resource-state.ts';
import type {MaintenanceApiControllerOptions, Scope} from './scope.ts';

type Options = Pick<MaintenanceApiControllerOptions, 'backupImage' | 'backups' | 'cache' | 'clock'>;

/** What a look at a resource's backups came to. */
export interface BackupsView {
  readonly status: BackupsStatus | undefined;
  readonly answer: BackupAnswer;
  /** When the schedule last asked for a backup, milliseconds. */
  readonly due: number | undefined;
  readonly results: readonly ChildResult[];
}

/** The id of the key that new backups are encrypted with; undefined while it isn't known. */
export function backupKeyOf({spec, status}: MaintenanceApi, state: ResourceState): string | undefined {
  if (spec.backup === undefined) return undefined;
  // What was read before holds: a reading that failed mustn't take the CronJob away.
  return spec.backup.encryption?.activeKey ?? state.backup.keyId ?? status?.backup?.keyId;
}

/** Turns runs into MaintenanceApiBackups, and those that people make into runs. */
export class Backups {
  readonly #o: Options;

  constructor(options: Options) {
    this.#o = options;
  }

  /** @param children - what became of the children, the CronJob among them */
  async look(scope: Scope, children: readonly ChildResult[]): Promise<BackupsView> {
    const {api, key, state} = scope;
    const {cache, clock} = this.#o;
    const now = clock.now();
    const runs = backupRuns(cache.jobs.ownedBy(key), cache.pods.ownedBy(key));
    const backups = cache.backups.ownedBy(key);
    const keyId = backupKeyOf(api, state);
    const plan = planBackups({api, now, runs, backups, keyId, hindrance: this.#hindrance(scope, keyId)});
    const results = await this.#carryOut(scope, plan, keyId);
    const requested = plan.status?.request;
    // Not answered as long as it is refused.
    const unanswered = results.some(({name}) => name === requested?.backup);
    const status = unanswered && plan.status ? {...plan.status, ...requestOf(api)} : plan.status;
    const due = lastAsked({api, scheduledSince: this.#scheduledSince(scope)}, now);
    return {status, answer: this.#answer(scope, {runs, status, children}), due, results};
  }

  /** Tells those who wait for a MaintenanceApi that isn't there. @param key - its own */
  async lookWithoutResource(key: string): Promise<void> {
    const {cache, clock} = this.#o;
    const backups = cache.backups.ownedBy(key);
    if (backups.length === 0) return;
    const [namespace = '', name = ''] = key.split('/');
    const runs = backupRuns(cache.jobs.ownedBy(key), cache.pods.ownedBy(key));
    const hindrance = `MaintenanceApi "${name}" does not exist`;
    for (const {backup, status} of planPatches({now: clock.now(), runs, backups, hindrance})) {
      await this.#o.backups.writeStatus({namespace, name}, backup, status);
    }
  }

  /** Why no run can be started now. */
  #hindrance({api, database, state}: Scope, keyId: string | undefined): string | undefined {
    if (api.spec.backup === undefined) return 'spec.backup of the MaintenanceApi is not set';
    if (api.spec.paused) return 'spec.paused of the MaintenanceApi is set';
    if (this.#o.backupImage === undefined) return 'The operator does not know its own image: set OPERATOR_IMAGE';
    if (state.backup.problem !== undefined) return state.backup.problem;
    if (keyId === undefined || state.secrets === undefined)
      return 'The Secrets of the MaintenanceApi are not known yet';
    return database.state === 'Ready' ? undefined : 'The database is not ready';
  }

  async #carryOut({api, state}: Scope, plan: BackupsPlan, keyId: string | undefined): Promise<ChildResult[]> {
    const {touch} = state;
    const results: ChildResult[] = [];
    const note = ({kind}: {kind: string}, name: string, result: AttemptResult<void>): void => {
      if (result.kind !== 'Done') results.push(resultOf(kind, name, result));
    };
    const common = retainedLabels(api.metadata.name, 'backup');
    for (const {name, labels: own} of plan.create) {
      const made = await this.#o.backups.createBackup(api.metadata, name, {labels: {...common, ...own}, touch});
      note(resources.maintenanceApiBackup, name, made);
    }
    for (const {backup, status} of plan.patches) {
      note(
        resources.maintenanceApiBackup,
        backup.name,
        await this.#o.backups.writeStatus(api.metadata, backup, status),
      );
    }
    const job = plan.start && this.#jobOf(api, plan.start, keyId);
    if (job !== undefined)
      note(resources.job, job.metadata.name, await this.#o.backups.startJob(api.metadata, job, touch));
    return results;
  }

  #jobOf(
    api: MaintenanceApi,
    backup: NonNullable<BackupsPlan['start']>,
    keyId: string | undefined,
  ): KubeObject | undefined {
    const input = backupInputOf({api, backupImage: this.#o.backupImage, backupKey: keyId});
    const request = {name: backup.name, uid: backup.uid};
    return input && backupJob(input, backupJobName(api.metadata.name, backup.uid), request);
  }

  #scheduledSince({api, key}: Scope): number | undefined {
    const [namespace = ''] = key.split('/');
    return this.#o.cache.cronJobs.get(`${namespace}/${childNames(api.metadata.name).backup}`)?.value.appliedAt;
  }

  #answer(
    scope: Scope,
    {
      runs,
      status,
      children,
    }: {runs: readonly BackupRun[]; status: BackupsStatus | undefined; children: readonly ChildResult[]},
  ): BackupAnswer {
    const {api, state} = scope;
    const {kind} = resources.cronJob;
    const refused = children.find((child) => child.kind === kind)?.refused;
    return backupReady({
      ...{api, now: this.#o.clock.now(), runs, status, imageKnown: this.#o.backupImage !== undefined},
      scheduledSince: this.#scheduledSince(scope),
      problem: state.backup.problem,
      refused: refused && `${kind} "${childNames(api.metadata.name).backup}" was refused: ${refused}`,
    });
  }
}

function requestOf({status}: MaintenanceApi): Pick<BackupsStatus, 'request'> {
  return {request: status?.backup?.request};
}

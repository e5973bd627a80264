import type {Progress} from '../lib/progress.ts';
import type {World} from '../../test/harness/world.ts';

/** File of the evidence: the encrypted dump as the bucket had it. */
export const BACKUP_OBJECT = 'backup-object.bin';
/** File of the evidence: {@link AlertsEvidence}. */
export const ALERTS_FILE = 'alerts.json';
/** What Prometheus says of alerts at the end. */
export interface AlertsEvidence {
  /** When each that had to fire did: Unix times in milliseconds, oldest first. */
  readonly fired: Readonly<Record<string, readonly number[]>>;
  /** Those of them that still do. */
  readonly left: readonly string[];
}
/** Alerts of the operations guide that a database that hangs has to fire. */
export const DATABASE_ALERTS = ['MaintenanceApiDatabaseUnreachable', 'MaintenanceApiDown'] as const;

/** Where the demo's service lives. */
export const WHERE = {namespace: 'maintenance-api', name: 'maintenance-api'} as const;

/** What the steps hand on to each other, and what verify checks. */
export interface Facts {
  /** Revisions by what they were released as. */
  good?: string;
  bad?: string;
  blocked?: string;
  /** Wall clock, milliseconds. */
  appliedAt?: number;
  readyAt?: number;
  badReleasedAt?: number;
  /** Name of each load job that ran. */
  loads: string[];
  /** Tasks that were acknowledged around the kills. */
  killedAt?: number;
  /** Revision whose pods can be made to hang, and the pod that was. */
  hanging?: string;
  hungPod?: string;
  hungAt?: number;
  /** From when to when mysqld hung, so that alerts fire. */
  databaseHungAt?: number;
  databaseContinuedAt?: number;
}

/** What a step works with. */
export interface StepContext {
  readonly world: World;
  readonly facts: Facts;
  /** Says what was observed. */
  readonly say: (text: string) => void;
}

/**
 * One step of the demo: a cause, and an observation that must follow from it. `--break=<step>` leaves the cause out (or
 * does `sabotage` in its place), and then the observation must fail: that is each step's negative control.
 */
export interface Step {
  readonly name: string;
  /** What it does, in a sentence. */
  readonly title: string;
  /** Builds what the cluster doesn't have, which takes minutes once on a machine. */
  readonly prepare?: (progress: Progress) => Promise<void>;
  readonly cause: (context: StepContext) => Promise<void>;
  readonly sabotage?: (context: StepContext) => Promise<void>;
  /** Throws when what was expected didn't come. */
  readonly observe: (context: StepContext) => Promise<void>;
  /** Takes back what is outside of the service's namespace; in a cluster of the demo's own it goes with that. */
  readonly leave?: (context: StepContext) => Promise<void>;
}

/** An observation that isn't what was expected. */
export class Unexpected extends Error {
  override readonly name = 'Unexpected';
}

/** @throws Unexpected with the text when it doesn't hold */
export function expectThat(holds: boolean, otherwise: string): void {
  if (!holds) throw new Unexpected(otherwise);
}

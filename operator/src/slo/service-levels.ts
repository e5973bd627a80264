import type {MaintenanceApiSpec, ObjectiveStatus} from '../api/v1alpha1/index.ts';
import type {Checkpoint, Overlap, PodSample, RevisionWindow, WindowCounts} from './types.ts';

/** How objectives are judged. */
export interface ObjectiveOptions {
  readonly slo: MaintenanceApiSpec['slo'];
  /** Responses before it don't count for the state (measuredSince of remediation), milliseconds. */
  readonly since?: number | undefined;
  /** What status shows now: a figure that moved by less than its rounding stays as it is. */
  readonly previous?: readonly ObjectiveStatus[] | undefined;
}

/** The measurements of one resource, in memory. All times are wall clock in milliseconds and passed in. */
export class ServiceLevels {
  /** @param checkpoint what a former process had counted */
  constructor(checkpoint?: Checkpoint) {
    void checkpoint;
  }

  /** A pod is Ready (call it for every Ready pod, as often as you like; the first counts). */
  podReady(podUid: string, revision: string, at: number): void {
    throw new Error(`not yet: ${podUid} ${revision} ${at}`);
  }

  /** Takes one reading of one pod. */
  record(sample: PodSample): void {
    throw new Error(`not yet: ${sample.podUid}`);
  }

  /** Call at every look: whether any pod is Ready now. */
  recordReadiness(anyReady: boolean, now: number): void {
    throw new Error(`not yet: ${anyReady} ${now}`);
  }

  /** Each revision apart, from its pods' first Ready, at most the last 60 s. */
  revisionWindows(now: number): RevisionWindow[] {
    throw new Error(`not yet: ${now}`);
  }

  /** `revision` and all others over the same time. */
  overlap(now: number, revision: string): Overlap | undefined {
    throw new Error(`not yet: ${now} ${revision}`);
  }

  /** The last 5 minutes over all pods, not before `since`. */
  serviceWindow(now: number, since?: number): WindowCounts | undefined {
    throw new Error(`not yet: ${now} ${since}`);
  }

  /** Responses of a revision's pods since a time. */
  bakeRequests(revision: string, since: number, now: number): WindowCounts {
    throw new Error(`not yet: ${now} ${revision} ${since}`);
  }

  /** Requests per second in the last minute, and in the ten minutes before a rollout. */
  load(now: number, rolloutStartedAt?: number): {current?: number; beforeRollout?: number} {
    throw new Error(`not yet: ${now} ${rolloutStartedAt}`);
  }

  /** status.slo */
  objectiveStatuses(now: number, options: ObjectiveOptions): ObjectiveStatus[] {
    throw new Error(`not yet: ${now} ${options.slo.windowDays}`);
  }

  /** What a successor needs; JSON.stringify it. */
  checkpoint(now: number): Checkpoint {
    throw new Error(`not yet: ${now}`);
  }
}

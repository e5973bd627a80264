import {crashLoops, type Assessment} from './assessment.ts';
import type {DeploymentFacts, PodFacts, ReleaseState} from './types.ts';

/** Why a rollout can't go on. */
export interface Blockage {
  readonly reason: Extract<ReleaseState, {kind: 'Blocked'}>['reason'];
  /** Names the object and doesn't move while the blockage lasts: conditions are made from it. */
  readonly message: string;
  /** What the kubelet says now. */
  readonly detail?: string;
}

const imagePull = [
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed',
];
const cannotStart = ['CreateContainerError', 'RunContainerError', 'PostStartHookError'];

/**
 * What keeps pods of the revision that is rolled out from starting: nothing that the revision did to traffic.
 *
 * @param a the assessment
 */
export function blockage(a: Assessment): Blockage | undefined {
  const {o, deployed, rolledOutAt} = a;
  if (!deployed || rolledOutAt !== undefined || o.deployment === undefined) return undefined;
  return (
    uncreated(o.deployment) ?? firstOf(a.servingPods.map((pod) => unstarted(pod, imageOf(a)))) ?? stuck(a, o.deployment)
  );
}

function uncreated({replicaFailure}: DeploymentFacts): Blockage | undefined {
  if (replicaFailure === undefined) return undefined;
  const reason = /exceeded quota/i.test(replicaFailure) ? 'QuotaExceeded' : 'RolloutBlocked';
  return {reason, message: `pods can not be created: ${replicaFailure}`};
}

function unstarted({name, waiting, unschedulable}: PodFacts, image: string): Blockage | undefined {
  if (unschedulable !== undefined) return {reason: 'Unschedulable', message: `pod ${name}: ${unschedulable}`};
  if (waiting === undefined) return undefined;
  const detail = `pod ${name}, container ${waiting.container}: ${waiting.reason}: ${waiting.message}`;
  if (imagePull.includes(waiting.reason)) {
    // The kubelet's reason and message go back and forth between the try and the wait for the next.
    return {reason: 'ImagePullFailed', message: `image ${image} can not be pulled`, detail};
  }
  if (waiting.reason === 'CreateContainerConfigError') return {reason: 'ReferenceMissing', message: detail};
  return cannotStart.includes(waiting.reason) ? {reason: 'RolloutBlocked', message: detail} : undefined;
}

function imageOf({revisions, serve}: Assessment): string {
  return revisions.get(serve ?? '')?.image ?? `of revision ${serve}`;
}

function stuck(a: Assessment, {readyByRevision, revision, wantedReplicas}: DeploymentFacts): Blockage | undefined {
  if (!pastDeadline(a) || a.servingPods.some(crashLoops)) return undefined;
  const ready = readyByRevision[revision] ?? 0;
  return {reason: 'RolloutStuck', message: `${ready} of ${wantedReplicas} pods of the new revision became Ready`};
}

function firstOf(blockages: readonly (Blockage | undefined)[]): Blockage | undefined {
  return blockages.find((blockage) => blockage !== undefined);
}

/** The rollout has lasted longer than progressDeadlineSeconds. */
export function pastDeadline({o, now, rolledOutAt}: Assessment): boolean {
  if (o.deployment === undefined || rolledOutAt !== undefined) return false;
  return now - o.deployment.rolloutStartedAt > o.spec.release.progressDeadlineSeconds * 1000;
}

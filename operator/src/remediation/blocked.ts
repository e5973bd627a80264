import {crashLoops, type Assessment} from './assessment.ts';
import type {DeploymentFacts, PodFacts, ReleaseState} from './types.ts';

/** Why a rollout can't go on. */
export interface Blockage {
  readonly reason: Extract<ReleaseState, {kind: 'Blocked'}>['reason'];
  readonly message: string;
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
  return uncreated(o.deployment) ?? firstOf(a.servingPods.map(unstarted)) ?? stuck(a, o.deployment);
}

function uncreated({replicaFailure}: DeploymentFacts): Blockage | undefined {
  if (replicaFailure === undefined) return undefined;
  const reason = /exceeded quota/i.test(replicaFailure) ? 'QuotaExceeded' : 'RolloutBlocked';
  return {reason, message: `pods can not be created: ${replicaFailure}`};
}

function unstarted({name, waiting, unschedulable}: PodFacts): Blockage | undefined {
  if (unschedulable !== undefined) return {reason: 'Unschedulable', message: `pod ${name}: ${unschedulable}`};
  if (waiting === undefined) return undefined;
  const message = `pod ${name}, container ${waiting.container}: ${waiting.reason}: ${waiting.message}`;
  if (imagePull.includes(waiting.reason)) return {reason: 'ImagePullFailed', message};
  if (waiting.reason === 'CreateContainerConfigError') return {reason: 'ReferenceMissing', message};
  return cannotStart.includes(waiting.reason) ? {reason: 'RolloutBlocked', message} : undefined;
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

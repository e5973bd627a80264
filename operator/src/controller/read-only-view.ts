import type {ConditionStatus, Reason} from '../api/v1alpha1/index.ts';
import type {Decision, Observation} from '../remediation/index.ts';

/** The condition ReadOnly: whether the pods follow the spec, by their own word. */
export function readOnlyAnswer(
  {spec, pods}: Pick<Observation, 'spec' | 'pods'>,
  {maintenance}: Pick<Decision, 'maintenance'>,
): {readonly status: ConditionStatus; readonly reason: Reason; readonly message: string} {
  const asked = spec.maintenance.readOnly;
  const live = pods.filter(({terminating, ready}) => ready && !terminating);
  const follow = live.length > 0 && live.every(({readOnly}) => readOnly === true);
  if (asked && follow)
    return {
      status: 'True',
      reason: 'ReadOnly',
      message: 'Every pod refuses writes, as spec.maintenance.readOnly asks; no action is taken',
    };
  if (asked || maintenance?.readOnly === true)
    return {
      status: 'Unknown',
      reason: 'ModeChanging',
      message: `Not every pod has said yet that it ${asked ? 'refuses' : 'takes'} writes, as spec.maintenance.readOnly asks; no action is taken`,
    };
  return {status: 'False', reason: 'ReadWrite', message: 'Writes are taken'};
}

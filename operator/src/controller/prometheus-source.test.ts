import {describe, expect, test} from '@jest/globals';
import {PrometheusError} from '../observe/ask-prometheus.ts';
import {prometheusAnswer} from '../observe/testing.ts';
import {GOOD, Stage} from './testing-stage.ts';

const MINUTE_MS = 60_000;
const ROUND_MS = 30_000;

/** A good revision serves with two pods, and Prometheus tells so. */
async function aService(server = 'main') {
  const stage = new Stage({slo: {source: {prometheusRef: {name: server}}}});
  await stage.settle();
  stage.serves(GOOD);
  for (const name of ['pod-1', 'pod-2']) {
    const pod = stage.server.objects.get(`Pod/${name}`);
    Object.assign(pod?.['status'] ?? {}, {podIP: '10.0.0.1'});
  }
  const counts = {reads: 0, questions: 0, total: 0, bad: 0, badShare: 0};
  stage.fetch = () => {
    counts.reads++;
    return Promise.reject(new Error('not to be read'));
  };
  stage.ask = () => {
    counts.questions++;
    counts.total += 1_000;
    counts.bad += 1_000 * counts.badShare;
    const {total, bad} = counts;
    return Promise.resolve(prometheusAnswer({pod: 'pod-1', total, bad}, {pod: 'pod-2', total, bad}));
  };
  await stage.lookFor(MINUTE_MS, ROUND_MS);
  return {stage, counts};
}

const told = (stage: Stage): string =>
  stage.api?.status?.conditions?.find(({type}) => type === 'ObjectivesMet')?.message ?? '';
const verdict = (stage: Stage): string | undefined => stage.api?.status?.remediation?.lastDecision?.verdict;

describe('a service whose source is Prometheus', () => {
  test('is measured by one question every 30 s, and its pods are not read', async () => {
    const {stage, counts} = await aService();
    Object.assign(counts, {reads: 0, questions: 0});
    await stage.lookFor(5 * MINUTE_MS, ROUND_MS);
    expect(counts).toMatchObject({reads: 0, questions: 10});
    expect(stage.condition('ObjectivesMet')).toBe('True ObjectivesMet');
    expect(verdict(stage)).toBe('None');
  });

  test('is read by the operator itself as soon as a breach is suspected', async () => {
    const {stage, counts} = await aService();
    await stage.lookFor(MINUTE_MS, ROUND_MS);
    expect(counts.reads).toBe(0);
    counts.badShare = 0.2;
    await stage.lookFor(MINUTE_MS, ROUND_MS);
    expect(counts.reads).toBeGreaterThan(0);
    expect(stage.condition('ObjectivesMet')).toBe('False ObjectiveBreached');
  });

  test('of which Prometheus tells nothing any more is not known, and nothing is done', async () => {
    const {stage} = await aService();
    await stage.lookFor(MINUTE_MS, ROUND_MS);
    stage.forgetWrites();
    stage.ask = () => Promise.reject(new PrometheusError('it did not answer within 5 s', true));
    await stage.lookFor(5 * ROUND_MS, ROUND_MS);
    expect(verdict(stage)).toBe('TelemetryGap');
    expect(stage.condition('ObjectivesMet')).toBe('Unknown Inconclusive');
    expect(told(stage)).toBe('Too little was measured so far: Prometheus "main": it did not answer within 5 s');
    expect(stage.writes.filter((write) => !write.startsWith('patch MaintenanceApi/'))).toEqual([]);
  });

  test('that names a Prometheus which is not configured is not known', async () => {
    const {stage, counts} = await aService('another');
    await stage.lookFor(MINUTE_MS, ROUND_MS);
    expect(verdict(stage)).toBe('TelemetryGap');
    expect(told(stage)).toContain(
      'Prometheus "another": the operator\'s configuration has no Prometheus server of this name',
    );
    expect(counts).toMatchObject({reads: 0, questions: 0});
  });

  test('is read by the operator alone once the spec says so', async () => {
    const {stage, counts} = await aService();
    stage.edit({slo: {}});
    await stage.lookFor(MINUTE_MS, ROUND_MS);
    Object.assign(counts, {reads: 0, questions: 0});
    await stage.lookFor(5 * MINUTE_MS, ROUND_MS);
    expect(counts.questions).toBe(0);
    expect(counts.reads).toBeGreaterThan(0);
  });
});

import {describe, expect, test} from '@jest/globals';
import {maintenanceApiSpec, type ObjectiveStatus} from '../api/v1alpha1/index.ts';
import {ServiceLevels} from './index.ts';
import {random, SimulatedPod} from './testing.ts';

const T = Date.parse('2026-01-05T10:00:00Z');
const S = 1000;
const MINUTE = 60 * S;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const {slo} = maintenanceApiSpec.parse({image: 'example.com/api:1'});

/** A service of one pod that is looked at every 30 s. */
class Service {
  readonly levels = new ServiceLevels();
  readonly pod = new SimulatedPod('p', 'a', T);
  now = T;

  constructor() {
    this.levels.podReady('p', 'a', T, T - 10 * S);
    this.levels.recordReadiness(true, T);
  }

  looks(times: number, answers: {valid: number; bad?: number; slow?: number}): this {
    for (let i = 0; i < times; i++) {
      this.now += 30 * S;
      this.levels.recordReadiness(true, this.now);
      this.levels.record(this.pod.answers(answers.valid, answers).sample(this.now));
    }
    return this;
  }

  /** No pod is Ready for so long. */
  isDown(length: number): this {
    this.levels.recordReadiness(false, this.now);
    for (const end = this.now + length; this.now < end;) {
      this.now += 30 * S;
      this.levels.recordReadiness(false, this.now);
    }
    return this;
  }

  /** Nobody looks for so long. */
  isNotSeen(length: number): this {
    this.now += length;
    return this;
  }

  statuses(previous?: ObjectiveStatus[], since?: number): ObjectiveStatus[] {
    return this.levels.objectiveStatuses(this.now, {slo, previous, since});
  }

  status(name: ObjectiveStatus['name'], previous?: ObjectiveStatus[], since?: number): ObjectiveStatus | undefined {
    return this.statuses(previous, since).find((status) => status.name === name);
  }
}

describe('the state of an objective', () => {
  test('is Inconclusive before anything was measured', () => {
    expect(new Service().statuses()).toEqual([
      {
        ...{name: 'availability', objective: '99.9%', current: 'unknown', budgetRemaining: 'unknown'},
        ...{coverage: '0%', state: 'Inconclusive'},
      },
      {
        ...{name: 'latency', objective: '95% ≤ 500ms', current: 'unknown', budgetRemaining: 'unknown'},
        ...{coverage: '0%', state: 'Inconclusive'},
      },
      {
        ...{name: 'errorRate', objective: '≤ 1%', current: 'unknown', budgetRemaining: 'unknown'},
        ...{coverage: '0%', state: 'Inconclusive'},
      },
    ]);
  });

  test('is Met by enough responses inside it', () => {
    const service = new Service().looks(20, {valid: 1500, bad: 1, slow: 15});
    expect(service.statuses().map(({name, current, state}) => [name, current, state])).toEqual([
      ['availability', '99.93%', 'Met'],
      ['latency', '99%', 'Met'],
      ['errorRate', '0.07%', 'Met'],
    ]);
  });

  test('is Inconclusive with too few responses', () => {
    expect(new Service().looks(9, {valid: 1}).status('availability')?.state).toBe('Inconclusive');
    expect(new Service().looks(10, {valid: 1}).status('availability')?.state).toBe('Met');
  });

  test('is Inconclusive in a gap, not Met', () => {
    const service = new Service().looks(20, {valid: 100});
    expect(service.isNotSeen(90 * S).status('availability')?.state).toBe('Met');
    expect(service.isNotSeen(S).status('availability')?.state).toBe('Inconclusive');
  });

  test.each(['Met', 'Breached'] as const)('that a former process knew (%s) holds until enough was read', (state) => {
    const shown = new Service().statuses().map((status) => ({...status, state}));
    const successor = new Service();
    expect(successor.status('availability', shown)?.state).toBe(state);
    successor.looks(3, {valid: 100, bad: state === 'Breached' ? 0 : 20});
    expect(successor.status('availability', shown)?.state).toBe('Breached');
    successor.looks(12, {valid: 100});
    expect(successor.status('availability', shown)?.state).toBe('Met');
  });

  test('that a former process knew is given up where nothing can be read', () => {
    const shown = new Service().statuses().map((status) => ({...status, state: 'Met' as const}));
    const successor = new Service();
    expect(successor.status('latency', shown)?.state).toBe('Met');
    expect(successor.isNotSeen(91 * S).status('latency', shown)?.state).toBe('Inconclusive');
  });

  test('is Breached beyond chance, each objective for itself', () => {
    const bad = new Service().looks(10, {valid: 100, bad: 5});
    expect(bad.statuses().map(({state}) => state)).toEqual(['Breached', 'Met', 'Met']);
    const slow = new Service().looks(10, {valid: 100, slow: 20});
    expect(slow.statuses().map(({state}) => state)).toEqual(['Met', 'Breached', 'Met']);
    const worse = new Service().looks(10, {valid: 100, bad: 20});
    expect(worse.statuses().map(({state}) => state)).toEqual(['Breached', 'Met', 'Breached']);
  });

  test('of availability is Breached while no pod is Ready, and nothing is said of the others', () => {
    const service = new Service().looks(20, {valid: 100}).isDown(30 * S);
    expect(service.statuses().map(({state}) => state)).toEqual(['Breached', 'Inconclusive', 'Inconclusive']);
  });

  test('is not held down by what came before an action was rolled out', () => {
    const service = new Service().looks(4, {valid: 100, bad: 50});
    const since = service.now;
    service.looks(4, {valid: 100});
    expect(service.status('availability')?.state).toBe('Breached');
    expect(service.status('availability', undefined, since)?.state).toBe('Met');
  });

  test('shows a bad revision that the whole service would hide for long', () => {
    const service = new Service().looks(20, {valid: 1500});
    const young = new SimulatedPod('young', 'b', service.now);
    service.levels.podReady('young', 'b', service.now, service.now - 10 * S);
    young.answers(150, {bad: 30});
    service.now += 5 * S;
    service.levels.record(young.sample(service.now));
    expect(service.status('availability')).toMatchObject({state: 'Breached', current: '99.78%'});
  });
});

describe('the error budget', () => {
  test.each([
    ['is whole without a bad response', {valid: 1000}, '100%'],
    ['is half spent by half of the bad ones that are allowed', {valid: 2000, bad: 1}, '50%'],
    ['is overspent by twice as many', {valid: 1000, bad: 2}, '-100%'],
  ])('of availability %s', (_, answers, remaining) => {
    expect(new Service().looks(10, answers).status('availability')?.budgetRemaining).toBe(remaining);
  });

  test('is counted, never an average of ratios: one bad night hour weighs by its requests', () => {
    const service = new Service().looks(120, {valid: 10_000}).looks(1, {valid: 10, bad: 10});
    expect(service.status('availability')?.budgetRemaining).toBe('99%');
  });

  test('of latency and errors is spent by their own bad responses', () => {
    const service = new Service().looks(10, {valid: 1000, bad: 1, slow: 25});
    expect(service.status('latency')?.budgetRemaining).toBe('50%');
    expect(service.status('errorRate')?.budgetRemaining).toBe('90%');
  });

  test('of availability is spent by down-time: 43.2 minutes of 30 days at 99.9 %', () => {
    const service = new Service().looks(10, {valid: 1000}).isDown(21.5 * MINUTE);
    expect(service.status('availability')?.budgetRemaining).toBe('50%');
    expect(service.status('latency')?.budgetRemaining).toBe('100%');
  });

  test('is not spent before the first pod ever was Ready, nor while nobody looked', () => {
    const levels = new ServiceLevels();
    for (let t = T; t <= T + HOUR; t += 30 * S) levels.recordReadiness(false, t);
    expect(levels.checkpoint(T + HOUR).hours).toEqual([]);
    levels.recordReadiness(true, T + HOUR);
    levels.recordReadiness(false, T + HOUR + S);
    levels.recordReadiness(false, T + 5 * HOUR);
    expect(levels.checkpoint(T + 5 * HOUR).hours).toEqual([]);
  });

  test('says by its coverage how much of the window was seen', () => {
    const service = new Service().looks(120 * 24 * 3, {valid: 1});
    expect(service.status('availability')?.coverage).toBe('10%');
    service.isNotSeen(2 * DAY);
    expect(service.status('availability')?.coverage).toBe('10%');
    // The pod's counters reach over the gap: nothing was lost.
    service.looks(1, {valid: 1});
    expect(service.status('availability')?.coverage).toBe('17%');
  });

  test('counts a time as seen once, however many pods are read', () => {
    const service = new Service();
    const other = new SimulatedPod('q', 'a', T);
    service.levels.podReady('q', 'a', T, T - 10 * S);
    for (let i = 0; i < 120; i++) {
      service.looks(1, {valid: 1});
      service.levels.record(other.answers(1).sample(service.now));
    }
    expect(service.levels.checkpoint(service.now).hours.map((row) => row[6])).toEqual([3600]);
  });

  test('is what it was after a restart, down-time included', () => {
    const service = new Service().looks(10, {valid: 1000}).isDown(21.5 * MINUTE);
    const levels = new ServiceLevels(service.levels.checkpoint(service.now));
    const [availability] = levels.objectiveStatuses(service.now, {slo});
    expect(availability).toMatchObject({budgetRemaining: '50%', coverage: '0%'});
  });

  test.each([28, 30])('forgets what lies before its window of %d days', (windowDays) => {
    const lost = (days: number): string | undefined => {
      const service = new Service()
        .looks(10, {valid: 100, bad: 100})
        .isNotSeen(days * DAY)
        .looks(10, {valid: 1000});
      const [availability] = service.levels.objectiveStatuses(service.now, {slo: {...slo, windowDays}});
      return availability?.budgetRemaining;
    };
    expect(lost(windowDays - 0.5)).not.toBe('100%');
    expect(lost(windowDays + 0.5)).toBe('100%');
  });
});

describe('figures', () => {
  test('that are shown are not rewritten by noise', () => {
    const chance = random(7);
    const service = new Service().looks(40, {valid: 1500, bad: 2, slow: 20});
    let shown = service.statuses();
    let writes = 0;
    for (let i = 0; i < 120; i++) {
      service.looks(1, {valid: 1450 + Math.floor(chance() * 100), bad: 2, slow: 19 + Math.floor(chance() * 3)});
      const next = service.statuses(shown);
      if (JSON.stringify(next) !== JSON.stringify(shown)) writes++;
      shown = next;
    }
    expect(writes).toBeLessThanOrEqual(3);
  });

  test('that moved by more than their rounding are shown anew', () => {
    const service = new Service().looks(40, {valid: 1500});
    const shown = service.statuses();
    service.looks(10, {valid: 1500, bad: 15});
    expect(service.status('availability', shown)).toMatchObject({current: '99%', budgetRemaining: '-100%'});
  });

  test('of another objective are not kept', () => {
    const service = new Service().looks(40, {valid: 1500, bad: 3});
    const other = service.statuses().map((status) => ({...status, objective: '99%', current: '99.801%'}));
    expect(service.status('availability', other)?.current).toBe('99.8%');
  });
});

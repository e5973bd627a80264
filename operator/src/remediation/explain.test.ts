import {describe, expect, test} from '@jest/globals';
import {maintenanceApiStatus} from '../api/v1alpha1/index.ts';
import {decide} from './index.ts';
import {anAction, anObservation, HOUR, MINUTE, NOW, SECOND, type ObservationBuilder} from './testing.ts';
import {iso} from './text.ts';

const bad = (share = 0.2): ObservationBuilder =>
  anObservation()
    .notKnowing('a', 'goodAt')
    .rollingOut('b')
    .answering('b', {valid: 250, bad: 250 * share}, {valid: 500});

/** The next look, with the status that the last one left. */
function next(before: ObservationBuilder, after: ObservationBuilder): ReturnType<typeof decide> {
  const {explanation} = decide(before.build());
  return decide(
    after
      .remediation({lastDecision: explanation})
      .with({now: NOW + 5 * SECOND})
      .build(),
  );
}

describe('an explanation', () => {
  test('stays word for word as long as verdict, actions and guard do, whatever is measured', () => {
    const first = decide(bad().build()).explanation;
    expect(next(bad(), bad(0.9)).explanation).toEqual(first);
  });

  test.each([
    ['the verdict', bad(0)],
    ['the guard', bad().asking({paused: true})],
    ['what the spec asks for', bad().standing({desired: 'before'})],
  ])('is made anew when %s changes', (_, after) => {
    expect(next(bad(), after).explanation.time).toBe(iso(NOW + 5 * SECOND));
  });

  test('of rest stays through a release', () => {
    const rest = decide(anObservation().build()).explanation;
    expect(next(anObservation(), anObservation().rollingOut('b')).explanation).toEqual(rest);
  });

  test('of a rollback stays until it ended, and then tells how', () => {
    const release = (): ObservationBuilder => bad().knowing('a', {goodAt: NOW - HOUR});
    const began = decide(release().build());
    expect(began.explanation.considered).toEqual([
      {action: 'Rollback', taken: true, reason: 'to revision a, the last known good'},
    ]);
    const going = anObservation().releasing('b').knowing('b', {suspendedAt: NOW});
    const later = going.remediation({action: began.action, lastDecision: began.explanation});
    expect(decide(later.build()).explanation).toBe(began.explanation);
    const times = {state: 'Verifying' as const, appliedAt: iso(NOW - MINUTE), rolledOutAt: iso(NOW - MINUTE)};
    const over = later
      .remediation({action: {...anAction(), ...began.action, ...times}})
      .serving({valid: 3_000}, NOW - MINUTE);
    expect(decide(over.build()).explanation).toMatchObject({
      verdict: 'None',
      message: expect.stringMatching(
        /^No objective is breached\. Last action: Helped\. Revision b does worse .* The breach ended: since the rollback 0 of 3000/,
      ),
    });
  });

  test('fits its fields, however long names and messages are', () => {
    const long = 'x'.repeat(5_000);
    const blocked = anObservation()
      .rollingOut('b')
      .withPods('b', {ready: false, name: long, waiting: {container: 'api', reason: 'ErrImagePull', message: long}});
    const {explanation, recentActions} = decide(blocked.build());
    const status = {remediation: {mode: 'Auto', lastDecision: explanation, recentActions}};
    expect(maintenanceApiStatus.safeParse(status).error).toBeUndefined();
    expect(explanation.message).toHaveLength(1024);
  });
});

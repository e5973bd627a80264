import {describe, expect, test} from '@jest/globals';
import {decide} from './index.ts';
import {anObservation, aRestart, MINUTE, NOW, type ObservationBuilder} from './testing.ts';
import {iso} from './text.ts';

const restarted = 'maintenance-api.io/restarted';
const asked = (observation = anObservation(), restart = 'today'): ObservationBuilder => observation.with({restart});
const answered = {value: 'today', revision: 'a', time: iso(NOW - MINUTE)};

describe('a restart that a person asks for', () => {
  test('becomes a fact of the serving revision, and is answered with it', () => {
    expect(decide(asked().build())).toMatchObject({
      ...{serve: 'a', action: undefined, restart: {value: 'today', revision: 'a', time: iso(NOW)}},
      revisionPatches: [{hash: 'a', annotations: {[restarted]: 'today'}}],
    });
  });

  test('is answered once, also when another revision is released while the annotation stays', () => {
    const observation = asked(anObservation().baking('b'));
    const again = {...observation.build(), status: {...observation.build().status, restart: answered}};
    expect(decide(again)).toMatchObject({serve: 'b', restart: answered, revisionPatches: []});
  });

  test('is answered anew for another value', () => {
    const o = {...asked(undefined, 'tomorrow').build()};
    expect(decide({...o, status: {...o.status, restart: answered}})).toMatchObject({restart: {value: 'tomorrow'}});
  });

  test.each<[string, ObservationBuilder]>([
    ['while a revision rolls out', anObservation().rollingOut('b')],
    ['while an action is under way', anObservation().hanging('a', MINUTE).remediation({action: aRestart()})],
    ['in a pause', anObservation().asking({paused: true})],
  ])('waits %s', (_, observation) => {
    const decision = decide(asked(observation).build());
    expect(decision.restart).toBeUndefined();
    expect(decision.revisionPatches.flatMap(({annotations}) => Object.keys(annotations))).not.toContain(restarted);
  });

  test('is no action: neither limits nor mode hold it, and it is not counted', () => {
    const decision = decide(asked(anObservation().asking({remediation: {mode: 'Observe'}})).build());
    expect(decision).toMatchObject({restart: {value: 'today'}, recentActions: [], verdict: 'None'});
  });
});

import {describe, expect, test} from '@jest/globals';
import {countersQuery, PrometheusAnswerError, readCounters} from './prometheus-query.ts';
import {prometheusAnswer} from './testing.ts';

describe('the query', () => {
  test('is one for all resources and measures, and grows with neither', () => {
    const one = countersQuery({namespaces: ['a'], thresholdsMs: [500]});
    const many = countersQuery({namespaces: ['a', 'b', 'c'], thresholdsMs: [500]});
    expect(many.replaceAll('a|b|c', 'a')).toBe(one);
  });

  test('asks for the buckets of every threshold, whole seconds in both notations', () => {
    expect(countersQuery({namespaces: ['a'], thresholdsMs: [1000, 250]})).toContain('le=~"1|1\\\\.0|0\\\\.25"');
  });
});

describe('an answer', () => {
  test('gives the counters of each pod, and their age by the clock of Prometheus', () => {
    const told = {total: 10, answered: 8, bad: 2, abandoned: 1, fast: {'0.5': 7, '1.0': 8}, abandonedFast: {'0.5': 1}};
    const read = readCounters(prometheusAnswer({...told, ageSeconds: 12}, {pod: 'shop-2', name: 'other'}));
    expect([...read.keys()]).toEqual(['apis/shop/shop-1', 'apis/other/shop-2']);
    expect(read.get('apis/shop/shop-1')).toEqual({
      ...{ageSeconds: expect.closeTo(12, 3), targets: 1, total: 10, answered: 8, bad: 2, abandoned: 1},
      fast: new Map([
        [500, 7],
        [1000, 8],
      ]),
      abandonedFast: new Map([[500, 1]]),
    });
  });

  test('of a pod without any request says so', () => {
    const [idle] = readCounters(prometheusAnswer({total: undefined, answered: undefined, fast: {}})).values();
    expect(idle).toMatchObject({total: 0, answered: 0, bad: 0, fast: new Map()});
  });

  test.each(['NaN', '+Inf', '-Inf', '-1', '', 'many'])('with a count of %j says nothing of that pod', (bad) => {
    const read = readCounters(prometheusAnswer({bad}, {pod: 'shop-2', bad: 0}));
    expect([...read.keys()]).toEqual(['apis/shop/shop-2']);
  });

  test.each([
    ['no JSON', '<html>said by a proxy</html>'],
    ['an error', JSON.stringify({status: 'error', errorType: 'execution', error: 'said by Prometheus'})],
    ['a matrix', JSON.stringify({status: 'success', data: {resultType: 'matrix', result: []}})],
    ['half an answer', prometheusAnswer({}).slice(0, -20)],
    ['a number for a value', prometheusAnswer({}).replace('"100"', '100')],
    ['null', 'null'],
  ])('that is %s is refused, and its words are not repeated', (_what, body) => {
    expect(() => readCounters(body)).toThrow(PrometheusAnswerError);
    expect(() => readCounters(body)).not.toThrow(/said/);
  });
});

import {describe, expect, test} from '@jest/globals';
import {parsePrometheusText, type TextSample} from './prometheus-text.ts';

const only = (text: string, ...names: string[]): TextSample[] => parsePrometheusText(text, new Set(names));

describe('samples', () => {
  test('are those of the wanted names, with labels and value', () => {
    const text = [
      '# HELP requests_total All.',
      '# TYPE requests_total counter',
      'requests_total{method="GET",status="200"} 12',
      'requests_total 3',
      'requests_total_other 4',
      'other 5',
      '',
    ].join('\n');
    expect(only(text, 'requests_total')).toEqual([
      {name: 'requests_total', labels: {method: 'GET', status: '200'}, value: 12},
      {name: 'requests_total', labels: {}, value: 3},
    ]);
  });

  test.each([
    ['1e3', 1000],
    ['-0.5', -0.5],
    ['+Inf', Infinity],
    ['-Inf', -Infinity],
    ['NaN', NaN],
  ])('have the value %s', (text, value) => {
    expect(only(`a ${text}`, 'a')).toEqual([{name: 'a', labels: {}, value}]);
  });

  test('may carry a timestamp, blanks between their labels, a comma after the last and a carriage return', () => {
    expect(only('a{ x = "1" , y="2", } 7 1700000000000\r\n', 'a')).toEqual([
      {name: 'a', labels: {x: '1', y: '2'}, value: 7},
    ]);
  });

  test('have labels with escapes, braces, commas and blanks in them', () => {
    const text = String.raw`a{path="C:\\new\n\"x\"",route="/{id}, b=\"c\""} 1`;
    expect(only(text, 'a')).toEqual([{name: 'a', labels: {path: 'C:\\new\n"x"', route: '/{id}, b="c"'}, value: 1}]);
  });
});

describe('what says nothing', () => {
  test.each([
    'a nothing',
    'a{x="1" 2',
    'a{x=1} 2',
    'a{x="1"}',
    'a{x="open} 2',
    'a',
    'a b c d',
    '{x="1"} 2',
    '<html>a 1</html>',
  ])('is left out: %s', (line) => {
    expect(only(`${line}\nb 1`, 'a', 'b')).toEqual([{name: 'b', labels: {}, value: 1}]);
  });

  test('does not take long, whatever a pod says', () => {
    const hostile = `a{${'x="\\'.repeat(50_000)} 1\na{${'x="1",'.repeat(50_000)}! 1\nb 1`;
    expect(only(hostile, 'a', 'b')).toEqual([{name: 'b', labels: {}, value: 1}]);
  });
});

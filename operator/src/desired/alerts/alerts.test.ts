import {describe, expect, test} from '@jest/globals';
import type {MaintenanceApiSpecInput, Presence} from '../../api/v1alpha1/index.ts';
import {prometheusRule} from '../prometheus-rule.ts';
import {rulesConfigMap} from '../rules-config-map.ts';
import {aMaintenanceApi, desiredInput, scenarios} from '../testing/scenarios.ts';
import {ruleGroups, type AlertingRule} from './index.ts';
import type {RecordingRule} from './rules.ts';

/*
 * What rules there are; whether they fire when they should is Prometheus' own promtool to say
 * (test/integration/monitoring).
 */

type Spec = Partial<MaintenanceApiSpecInput>;

const rulesOf = (spec: Spec = {}) => ruleGroups(desiredInput(aMaintenanceApi(spec))).flatMap(({rules}) => rules);
const alertsOf = (spec: Spec = {}): AlertingRule[] =>
  rulesOf(spec).filter((rule): rule is AlertingRule => 'alert' in rule);
const named = (name: string, spec: Spec = {}): AlertingRule[] => alertsOf(spec).filter(({alert}) => alert === name);

/** Thresholds of a burn rate alert, by its long window. */
const thresholds = (name: string, spec: Spec = {}): Record<string, number> =>
  Object.fromEntries(
    named(name, spec).map(({labels, expr}): [string, number] => [
      labels['long'] ?? '',
      Number(/ > ([\d.]+) and /.exec(expr)?.[1]),
    ]),
  );

describe('burn rates', () => {
  test('are 14.4, 6, 3 and 1 over 30 days', () => {
    expect(thresholds('MaintenanceApiErrorRateBudgetBurn')).toEqual({'1h': 0.144, '6h': 0.06, '1d': 0.03, '3d': 0.01});
  });

  test('follow the window: over 28 days the same share of the budget is gone sooner', () => {
    const found = thresholds('MaintenanceApiErrorRateBudgetBurn', {slo: {windowDays: 28}});
    expect(found).toEqual({'1h': 0.1344, '6h': 0.056, '1d': 0.028, '3d': 0.00933333});
  });

  test('that can not fire are not made: no more than all responses are bad', () => {
    expect(thresholds('MaintenanceApiAvailabilityBudgetBurn', {slo: {availability: {objective: '90'}}})).toEqual({
      ...{'6h': 0.6, '1d': 0.3, '3d': 0.1},
    });
    expect(thresholds('MaintenanceApiLatencyBudgetBurn', {slo: {latency: {percentile: 50}}})).toEqual({'3d': 0.5});
  });

  test('record only windows that an alert needs', () => {
    const recorded = (spec: Spec): string[] =>
      rulesOf(spec)
        .filter((rule): rule is RecordingRule => 'record' in rule && rule.labels?.['objective'] === 'latency')
        .map(({record}) => record.replace('maintenance_api:slo_bad:ratio_', ''));
    expect(recorded({}).sort()).toEqual(['1d', '1h', '2h', '30m', '3d', '5m', '6h']);
    expect(recorded({slo: {latency: {percentile: 50}}}).sort()).toEqual(['3d', '6h']);
  });

  test.each([
    [500, String.raw`le="0.5"`],
    [2500, String.raw`le="2.5"`],
    // Prometheus 3 stores 1.0 where 2 stored 1.
    [1000, String.raw`le=~"1(\\.0)?"`],
    [10000, String.raw`le=~"10(\\.0)?"`],
  ])('count what took longer than %i ms by the bucket %s', (thresholdMilliseconds, matcher) => {
    const slow = rulesOf({slo: {latency: {thresholdMilliseconds}}}).find(
      (rule): rule is RecordingRule => 'record' in rule && rule.record.includes('slow_responses'),
    );
    expect(slow?.expr).toContain(`,${matcher}}`);
  });
});

describe('memory and CPU', () => {
  test('have no alert where there is no limit and no request', () => {
    expect(named('MaintenanceApiMemoryHigh', {replicas: 1, resources: {}})).toEqual([]);
    expect(named('MaintenanceApiCpuHigh', {replicas: 1, resources: {}})).toEqual([]);
    const zero = {requests: {cpu: 0}, limits: {memory: '0'}};
    expect(named('MaintenanceApiMemoryHigh', {replicas: 1, resources: zero})).toEqual([]);
    expect(named('MaintenanceApiCpuHigh', {replicas: 1, resources: zero})).toEqual([]);
  });

  test('go by the limit of CPU where nothing is requested', () => {
    const [rule] = named('MaintenanceApiCpuHigh', {replicas: 1, resources: {limits: {cpu: '1500m'}}});
    expect(rule?.expr).toMatch(/ \/ 1\.5 > 0\.8$/);
  });

  test('go by the revision that serves, not by the spec', () => {
    const serving = aMaintenanceApi({resources: {requests: {cpu: '200m'}, limits: {memory: '1Gi'}}});
    const rules = ruleGroups(desiredInput(aMaintenanceApi(), {serving})).flatMap((group) => group.rules);
    const exprOf = (name: string) => rules.find((rule) => 'alert' in rule && rule.alert === name)?.expr;
    expect(exprOf('MaintenanceApiMemoryHigh')).toContain(' / 1073741824 > 0.9');
    expect(exprOf('MaintenanceApiCpuHigh')).toContain(' / 0.2 > 0.8');
  });
});

describe('every alert', () => {
  test.each(Object.entries(scenarios))('of %s has what a person needs', (_name, input) => {
    const {name, namespace} = input.api.metadata;
    const {runbookBaseUrl} = input.api.spec.monitoring;
    for (const group of ruleGroups(input)) {
      for (const rule of group.rules) {
        if (!('alert' in rule)) continue;
        expect(rule.labels).toMatchObject({severity: expect.stringMatching(/^(critical|warning)$/), namespace});
        expect(rule.labels).toMatchObject({maintenanceapi: name});
        expect(rule.annotations['summary']).toMatch(new RegExp(`^API ${namespace}/${name}: .`));
        expect(rule.annotations['description']).toMatch(/\.$/);
        expect(rule.annotations['runbook_url']).toBe(`${runbookBaseUrl}#${rule.alert.toLowerCase()}`);
      }
    }
  });

  test.each(Object.entries(scenarios))('and every series of %s is of its own namespace', (_name, input) => {
    const selectors = ruleGroups(input).flatMap(({rules}) => rules.flatMap(({expr}) => expr.match(/\{[^}]*/g) ?? []));
    // The quantifier of the pods' names is no selector.
    const own = selectors.filter((selector) => selector !== '{5');
    expect(own.length).toBeGreaterThan(50);
    expect(own.filter((selector) => !selector.startsWith(`{namespace="${input.api.metadata.namespace}",`))).toEqual([]);
  });
});

describe('the form of the rules', () => {
  type Form = NonNullable<MaintenanceApiSpecInput['monitoring']>['rulesAs'];
  test.each<[Form, Presence, rule: boolean, configMap: boolean]>([
    ['Auto', 'Served', true, false],
    ['Auto', 'Absent', false, true],
    ['Auto', 'Unknown', false, false],
    ['PrometheusRule', 'Served', true, false],
    ['PrometheusRule', 'Absent', false, false],
    ['ConfigMap', 'Served', false, true],
    ['ConfigMap', 'Absent', false, true],
    ['ConfigMap', 'Unknown', false, true],
    ['None', 'Served', false, false],
    ['None', 'Absent', false, false],
  ])('%s where the kind is %s', (rulesAs, has, rule, configMap) => {
    const input = desiredInput(aMaintenanceApi({monitoring: {rulesAs}}), {has});
    expect([prometheusRule(input) !== undefined, rulesConfigMap(input) !== undefined]).toEqual([rule, configMap]);
  });

  test('is the same in both', () => {
    const api = aMaintenanceApi();
    const file = rulesConfigMap(desiredInput(api))?.['data'] as Record<string, string>;
    const groups = (prometheusRule(desiredInput(api, {has: 'Served'}))?.['spec'] as {groups: unknown}).groups;
    expect(JSON.parse(file['apis.shop.rules.yaml'] ?? '')).toEqual({groups});
  });
});

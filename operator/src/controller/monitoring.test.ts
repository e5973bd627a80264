import {describe, expect, test} from '@jest/globals';
import type {ChildResult} from '../act/children.ts';
import type {MaintenanceApiSpecInput, Presence} from '../api/v1alpha1/index.ts';
import {aMaintenanceApi} from '../desired/testing/scenarios.ts';
import {monitoringReady} from './monitoring-view.ts';
import {Stage} from './testing-stage.ts';

const child = (kind: string, name: string, refused?: string): ChildResult => ({
  ...{kind, name, refused, contested: false, differences: []},
});
const RULE = child('PrometheusRule', 'shop');
const FILE = child('ConfigMap', 'shop-rules');

describe('MonitoringReady', () => {
  type Form = NonNullable<MaintenanceApiSpecInput['monitoring']>['rulesAs'];
  const said = (rulesAs: Form, presence: Presence, children: ChildResult[]) => {
    const api = aMaintenanceApi({monitoring: {rulesAs}});
    return monitoringReady(api, {PrometheusRule: presence, PodMonitor: presence, HTTPRoute: presence}, children);
  };

  test.each<[what: string, Form, Presence, ChildResult[], expected: string | undefined]>([
    ['there are to be none', 'None', 'Served', [], 'True NoRules'],
    ['the rules are applied', 'Auto', 'Served', [RULE], 'True RulesApplied'],
    ['they stand in a ConfigMap', 'Auto', 'Absent', [FILE], 'True RulesApplied'],
    ['they stand in a ConfigMap as asked', 'ConfigMap', 'Served', [FILE], 'True RulesApplied'],
    ['the kind that is asked for is missing', 'PrometheusRule', 'Absent', [], 'False KindMissing'],
    ['they are refused', 'Auto', 'Served', [child('PrometheusRule', 'shop', 'no')], 'False ApplyRefused'],
    ['nothing was applied', 'Auto', 'Served', [], undefined],
    ['it is not known what the cluster has', 'Auto', 'Unknown', [], undefined],
    ['another ConfigMap is applied', 'ConfigMap', 'Served', [child('ConfigMap', 'shop-mysql-config')], undefined],
  ])('when %s', (_what, form, presence, children, expected) => {
    const answer = said(form, presence, children);
    expect(answer && `${answer.status} ${answer.reason}`).toBe(expected);
  });

  test('names the objects', () => {
    expect(said('Auto', 'Served', [RULE])?.message).toBe(
      'The alert rules are in PrometheusRule "shop"; PodMonitor "shop" tells Prometheus of the pods',
    );
    expect(said('Auto', 'Absent', [FILE])?.message).toMatch(
      /^The alert rules are in ConfigMap "shop-rules"; .* no PodMonitor/,
    );
  });
});

describe('kinds that not every cluster has', () => {
  const form = (stage: Stage): string[] =>
    ['ConfigMap/shop-rules', 'PrometheusRule/shop', 'PodMonitor/shop'].filter((id) => stage.server.objects.has(id));

  test('are used when they appear; what stood in for them goes, and comes back with their going', async () => {
    const stage = new Stage();
    await stage.settle();
    expect(form(stage)).toEqual(['ConfigMap/shop-rules']);
    stage.presence = 'Served';
    await stage.settle();
    expect(form(stage)).toEqual(['PrometheusRule/shop', 'PodMonitor/shop']);
    expect(stage.condition('MonitoringReady')).toBe('True RulesApplied');
    // The objects go with their kind.
    stage.server.objects.delete('PrometheusRule/shop');
    stage.server.objects.delete('PodMonitor/shop');
    stage.presence = 'Absent';
    await stage.settle();
    expect(form(stage)).toEqual(['ConfigMap/shop-rules']);
  });

  test('change nothing while it is not known whether they are there', async () => {
    const stage = new Stage();
    stage.presence = 'Unknown';
    await stage.settle();
    expect(form(stage)).toEqual([]);
    expect(stage.condition('MonitoringReady')).toBe('Unknown Observing');
    expect(stage.writes).toContain('apply Deployment/shop');
    stage.presence = 'Absent';
    await stage.settle();
    stage.forgetWrites();
    stage.presence = 'Unknown';
    await stage.settle();
    expect(form(stage)).toEqual(['ConfigMap/shop-rules']);
    expect(stage.condition('MonitoringReady')).toBe('True RulesApplied');
    expect(stage.writes).toEqual([]);
  });
});

test('a resource is told of in metrics until it is gone', async () => {
  const stage = new Stage();
  await stage.settle();
  const told = async (): Promise<string> => stage.registry.metrics();
  expect(await told()).toContain('maintenance_api_condition{namespace="apis",maintenanceapi="shop",type="Ready"');
  stage.api = undefined;
  await stage.look();
  expect(await told()).not.toContain('maintenanceapi="shop"');
});

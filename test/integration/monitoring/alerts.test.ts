import {beforeAll, describe, expect, jest, test} from '@jest/globals';
import {promtool} from '../../../hack/prometheus/programs.ts';
import {silentProgress} from '../../../hack/lib/progress.ts';
import {alerts} from '../../../operator/src/api/v1alpha1/index.ts';
import {ruleGroups, type AlertingRule, type RuleGroup} from '../../../operator/src/desired/alerts/index.ts';
import {aMaintenanceApi, desiredInput, scenarios} from '../../../operator/src/desired/testing/scenarios.ts';
import {abandoned, burnCases, cases, traffic, type AlertCase, type BurnCase, type Phase, type Story} from './cases.ts';
import {checkRules, testRules, type Expectation} from './promtool.ts';

/*
 * What Prometheus itself makes of the alert rules: each fires when it should, with its labels and its text, and is silent
 * when it should be.
 */

jest.setTimeout(60_000);
/** From nothing promtool is built first. */
const BUILD_TIMEOUT_MS = 900_000;

/** One whose rules are all that there can be. */
const backup = {destination: {s3: {bucket: 'backups', credentialsSecretRef: {name: 'storage'}}}};
const groups = ruleGroups(desiredInput(aMaintenanceApi({backup})));
const isAlert = (rule: RuleGroup['rules'][number]): rule is AlertingRule => 'alert' in rule;
const rules = groups.flatMap((group) => group.rules.filter(isAlert));

beforeAll(async () => {
  await promtool(silentProgress);
}, BUILD_TIMEOUT_MS);

const has = (labels: Readonly<Record<string, string>>, some: Readonly<Record<string, string>>): boolean =>
  Object.entries(some).every(([name, value]) => labels[name] === value);

/** Rules of which no case is known. */
function untried(all: readonly AlertingRule[]): string[] {
  const known = [
    ...cases.map(({alert, rule = {}}) => ({alert, labels: rule})),
    ...burnCases.map(({alert, severity, long, short}) => ({alert, labels: {severity, long, short}})),
  ];
  return all
    .filter(({alert, labels}) => !known.some((one) => one.alert === alert && has(labels, one.labels)))
    .map(({alert, labels}) => `${alert} ${JSON.stringify(labels)}`);
}

describe('the cases', () => {
  test('are there for every rule', () => {
    expect(untried(rules)).toEqual([]);
    expect(rules).toHaveLength(cases.length + burnCases.length);
  });

  test('would be missed for a new one', () => {
    const [rule] = rules;
    if (rule === undefined) throw new Error('there are no rules');
    expect(untried([{...rule, labels: {...rule.labels, long: '2h'}}])).toHaveLength(1);
  });

  test('are there for every alert of the catalogue', () => {
    expect(new Set(rules.map(({alert}) => alert))).toEqual(new Set(Object.keys(alerts)));
  });

  test('have no severity that the catalogue does not have, and the other way round', () => {
    for (const [name, {severities}] of Object.entries(alerts)) {
      const found = rules.filter(({alert}) => alert === name).map(({labels}) => labels['severity']);
      expect([name, [...new Set(found)]]).toEqual([name, [...severities]]);
    }
  });
});

test.each(Object.keys(scenarios))('promtool has nothing against the rules of %s', async (name) => {
  const input = scenarios[name];
  if (input === undefined) throw new Error(`no scenario ${name}`);
  expect(await checkRules(ruleGroups(input))).toBeUndefined();
});

test('promtool has something against a broken rule', async () => {
  const broken = groups.map((group) => ({...group, rules: group.rules.map((rule) => ({...rule, expr: 'sum('}))}));
  expect(await checkRules(broken)).toMatch(/could not parse expression/);
});

function ruleOf({alert, rule = {}}: AlertCase): AlertingRule {
  const found = rules.find((one) => one.alert === alert && has(one.labels, rule));
  if (found === undefined) throw new Error(`no rule ${alert}`);
  return found;
}

/** The annotations as Prometheus fills them in. */
function annotationsOf(
  {annotations}: AlertingRule,
  labels: Readonly<Record<string, string>>,
  value: string | undefined,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(annotations).map(([name, text]) => [
      name,
      text
        .replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_, label: string) => labels[label] ?? `no ${label}`)
        .replaceAll(/\{\{ \$value \| \w+ \}\}/g, value ?? 'no value'),
    ]),
  );
}

/** What promtool finds otherwise than that these fire. */
const found = (
  {series, at}: Story,
  alert: string,
  firing: Extract<Expectation, {alert: string}>['firing'],
  given: readonly RuleGroup[] = groups,
) => testRules(given, {series, interval: '15s', evaluation: '30s'}, {alert, at, firing});

describe.each(cases.map((one) => ({...one, title: `${one.alert} ${Object.values(one.rule ?? {}).join(' ')}`})))(
  '$title',
  (one) => {
    test.each(one.fires)('fires when $what', async (story) => {
      const rule = ruleOf(one);
      const labels = {...rule.labels, ...story.labels};
      const firing = [{labels, annotations: annotationsOf(rule, labels, story.value)}];
      expect(await found(story, one.alert, firing)).toBeUndefined();
    });

    test.each(one.silent)('is silent when $what', async (story) => {
      expect(await found(story, one.alert, [])).toBeUndefined();
    });
  },
);

describe.each(burnCases)('$alert over $long and $short', (one) => {
  const looked = (phases: readonly Phase[], fires: boolean) => burn(one, {phases, fires});

  test('fires when the share is a little above its threshold for the long window', async () => {
    expect(await looked([{minutes: one.longMinutes + 10, share: one.threshold * 1.1}], true)).toBeUndefined();
  });

  test('is silent when the share is a little below', async () => {
    expect(await looked([{minutes: one.longMinutes + 10, share: one.threshold * 0.9}], false)).toBeUndefined();
  });

  test('is silent when the burning began within the short window only', async () => {
    const before = {minutes: one.longMinutes + 10, share: 0};
    const share = Math.min(one.threshold * 2, 1);
    expect(await looked([before, {minutes: one.shortMinutes + 6, share}], false)).toBeUndefined();
  });

  test('is silent soon after the burning ended', async () => {
    const burning = {minutes: one.longMinutes + 10, share: Math.min(one.threshold * 1.3, 1)};
    expect(await looked([burning, {minutes: one.shortMinutes + 12, share: 0}], false)).toBeUndefined();
  });
});

test('one failed request of few wakes nobody', async () => {
  const [one] = burnCases;
  if (one === undefined) throw new Error('there are no cases');
  const phases = [{minutes: 70, share: 0.05}];
  expect(await burn(one, {phases, fires: false, perMinute: 1})).toBeUndefined();
  expect(await burn(one, {phases, fires: true, perMinute: 2})).toBeUndefined();
});

test('requests that clients gave up after the threshold count as slow', async () => {
  const one = burnCases.find(({alert, long}) => alert === 'MaintenanceApiLatencyBudgetBurn' && long === '1h');
  if (one === undefined) throw new Error('there is no case');
  const phases = (share: number) => [{minutes: 70, share}];
  expect(await burn(one, {phases: phases(0.8), fires: true, series: abandoned(phases(0.8))})).toBeUndefined();
  expect(await burn(one, {phases: phases(0.6), fires: false, series: abandoned(phases(0.6))})).toBeUndefined();
});

/** What promtool finds of one pair of windows after the phases. */
function burn(
  {alert, objective, severity, long, short}: BurnCase,
  expected: {phases: readonly Phase[]; fires: boolean; perMinute?: number; series?: Record<string, string>},
): Promise<string | undefined> {
  const {phases, fires, perMinute, series = traffic(alert, phases, perMinute)} = expected;
  const minutes = phases.reduce((sum, phase) => sum + phase.minutes, 0);
  const labels = `alertname="${alert}",alertstate="firing",long="${long}",short="${short}"`;
  const whose = `maintenanceapi="shop",namespace="apis",objective="${objective}",severity="${severity}"`;
  return testRules(
    groups,
    // Days in steps of 30 s would take minutes.
    {series, interval: '1m', evaluation: minutes > 600 ? '5m' : '30s'},
    {
      query: `ALERTS{${labels}}`,
      at: `${minutes - 1}m`,
      samples: fires ? [{labels: `ALERTS{${labels},${whose}}`, value: 1}] : [],
    },
  );
}

describe('a story that goes otherwise', () => {
  const [down] = cases;

  test('is noticed when an alert does not fire', async () => {
    const never = groups.map((group) => ({
      ...group,
      rules: group.rules.map((rule) => ('alert' in rule ? {...rule, for: '1h'} : rule)),
    }));
    if (down === undefined) throw new Error('there are no cases');
    const rule = ruleOf(down);
    const firing = [{labels: rule.labels, annotations: rule.annotations}];
    expect(await found(down.fires[0], down.alert, firing, never)).toMatch(/MaintenanceApiDown/);
  });

  test('is noticed when an alert fires', async () => {
    if (down === undefined) throw new Error('there are no cases');
    expect(await found(down.fires[0], down.alert, [])).toMatch(/MaintenanceApiDown/);
  });
});

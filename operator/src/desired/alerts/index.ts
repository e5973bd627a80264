import type {DesiredInput} from '../objects.ts';
import {backupAlerts} from './backup-alerts.ts';
import {burnRateAlerts, rateRules, ratioRules} from './burn-rates.ts';
import {databaseAlerts, resourceAlerts, serviceAlerts} from './guide-alerts.ts';
import {EVALUATION_SECONDS, type Rule, type RuleGroup} from './rules.ts';
import {watchingAlerts} from './watching-alerts.ts';

export type {AlertingRule, RuleGroup} from './rules.ts';

/** Every rule of a resource, recorded rates before what is made from them. */
export function ruleGroups({api, revision}: Pick<DesiredInput, 'api' | 'revision'>): readonly RuleGroup[] {
  const {namespace, name} = api.metadata;
  const group = (what: string, ...rules: readonly Rule[]): RuleGroup => ({
    // Where rules are files, groups of all resources may be read together.
    name: `maintenance-api.${namespace}.${name}.${what}`,
    interval: `${EVALUATION_SECONDS}s`,
    rules,
  });
  return [
    group('objectives', ...rateRules(api), ...ratioRules(api), ...burnRateAlerts(api)),
    group('service', ...serviceAlerts(api), ...resourceAlerts(api, revision.data)),
    group('database', ...databaseAlerts(api)),
    ...(api.spec.backup === undefined ? [] : [group('backup', ...backupAlerts(api))]),
    group('watching', ...watchingAlerts(api)),
  ];
}

import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promtool} from '../../../hack/prometheus/programs.ts';
import {CommandError, run} from '../../../hack/lib/exec.ts';
import {silentProgress} from '../../../hack/lib/progress.ts';
import type {RuleGroup} from '../../../operator/src/desired/alerts/index.ts';

/** What promtool is to find at a moment. */
export type Expectation =
  | {
      readonly alert: string;
      readonly at: string;
      /** Every alert of that name which fires; none: it is silent. */
      readonly firing: readonly {
        readonly labels: Readonly<Record<string, string>>;
        readonly annotations: Readonly<Record<string, string>>;
      }[];
    }
  | {readonly query: string; readonly at: string; readonly samples: readonly {labels: string; value: number}[]};

/** What Prometheus reads. */
export interface Input {
  readonly series: Readonly<Record<string, string>>;
  /** Between two values. */
  readonly interval: string;
  readonly evaluation: string;
}

async function withFiles<T>(files: Readonly<Record<string, unknown>>, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'promtool-'));
  try {
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), JSON.stringify(content));
    return await use(folder);
  } finally {
    await rm(folder, {recursive: true});
  }
}

async function verdict(args: readonly string[], cwd: string): Promise<string | undefined> {
  try {
    await run([await promtool(silentProgress), ...args], {cwd});
    return undefined;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return error.message;
  }
}

/** `promtool check rules`. @returns what it has against them; undefined when nothing */
export async function checkRules(groups: readonly RuleGroup[]): Promise<string | undefined> {
  return withFiles({'rules.yaml': {groups}}, (folder) =>
    verdict(['check', 'rules', '--lint-fatal', 'rules.yaml'], folder),
  );
}

/** `promtool test rules`. @returns how what it found differs; undefined when it doesn't */
export async function testRules(
  groups: readonly RuleGroup[],
  input: Input,
  expectation: Expectation,
): Promise<string | undefined> {
  const expected =
    'query' in expectation
      ? {
          promql_expr_test: [{expr: expectation.query, eval_time: expectation.at, exp_samples: expectation.samples}],
        }
      : {
          alert_rule_test: [
            {
              eval_time: expectation.at,
              alertname: expectation.alert,
              exp_alerts: expectation.firing.map(({labels, annotations}) => ({
                exp_labels: labels,
                exp_annotations: annotations,
              })),
            },
          ],
        };
  const test = {
    interval: input.interval,
    input_series: Object.entries(input.series).map(([series, values]) => ({series, values})),
    ...expected,
  };
  const file = {rule_files: ['rules.yaml'], evaluation_interval: input.evaluation, tests: [test]};
  return withFiles({'rules.yaml': {groups}, 'test.yaml': file}, (folder) =>
    verdict(['test', 'rules', 'test.yaml'], folder),
  );
}

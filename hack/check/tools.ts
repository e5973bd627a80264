import {relative} from 'node:path';

import {type Finding, runTool, type Step} from './step.ts';

/** Types: the compiler over every TypeScript file of the repository. */
export const types: Step = {
  name: 'types',
  run: async (root) => {
    const {stdout} = await runTool(root, 'tsc', ['--noEmit', '--pretty', 'false', '-p', 'tsconfig.json'], [0, 1, 2]);
    const findings: Finding[] = [];
    for (const line of stdout.split('\n')) {
      const located = /^(?<file>.+?)\((?<line>\d+),\d+\): error (?<rule>TS\d+): (?<message>.*)$/.exec(line)?.groups;
      const general = /^error (?<rule>TS\d+): (?<message>.*)$/.exec(line)?.groups;
      const {file = '', rule = '', message = ''} = located ?? general ?? {};
      if (rule !== '') findings.push({file, rule, message, ...(located ? {line: Number(located.line)} : {})});
    }
    return findings;
  },
};

interface LintedFile {
  readonly filePath: string;
  readonly messages: readonly {readonly ruleId: string | null; readonly line?: number; readonly message: string}[];
}

/** Lint: ESLint with the types at hand; a warning is as red as an error. */
export const lint: Step = {
  name: 'lint',
  run: async (root) => {
    const {stdout} = await runTool(root, 'eslint', ['.', '--max-warnings', '0', '--format', 'json'], [0, 1]);
    return (JSON.parse(stdout) as LintedFile[]).flatMap(({filePath, messages}) =>
      messages.map(({ruleId, line, message}) => ({
        file: relative(root, filePath),
        ...(line === undefined ? {} : {line}),
        rule: ruleId ?? 'syntax',
        message,
      })),
    );
  },
};

/** Format: Prettier, without writing. */
export const format: Step = {
  name: 'format',
  run: async (root) => {
    const {code, stdout, stderr} = await runTool(root, 'prettier', ['--list-different', '.'], [0, 1, 2]);
    const findings = stdout
      .split('\n')
      .filter((file) => file !== '')
      .map((file) => ({file, rule: 'prettier', message: 'not in the common format; run `npm run format`'}));
    if (code === 2) findings.push({file: '', rule: 'prettier', message: stderr.slice(0, 4000)});
    return findings;
  },
};

interface Cruise {
  readonly summary: {
    readonly violations: readonly {
      readonly from: string;
      readonly to: string;
      readonly rule: {readonly name: string};
    }[];
    readonly ruleSetUsed: {readonly forbidden: readonly {readonly name: string; readonly comment: string}[]};
  };
}

/** Structure: which room may import what, by dependency-cruiser. */
export const structure: Step = {
  name: 'structure',
  run: async (root) => {
    const args = ['operator/src', 'api-server/src', 'hack', 'test', '--output-type', 'json'];
    const {stdout} = await runTool(root, 'depcruise', args, [0]);
    const {violations, ruleSetUsed} = (JSON.parse(stdout) as Cruise).summary;
    const comments = new Map(ruleSetUsed.forbidden.map(({name, comment}) => [name, comment]));
    return violations.map(({from, to, rule}) => ({
      file: from,
      rule: rule.name,
      message: `${from === to ? '' : `imports ${to}: `}${comments.get(rule.name) ?? ''}`,
    }));
  },
};

/** What knip reports of one file: lists under the names of its issue types. */
type KnipIssue = {readonly file: string} & Readonly<Record<string, unknown>>;

function knipFindings(issue: KnipIssue): Finding[] {
  return Object.entries(issue).flatMap(([rule, found]) => {
    if (!Array.isArray(found)) return [];
    return (found as {readonly name?: string; readonly line?: number}[]).map(({name, line}) => ({
      file: issue.file,
      ...(line === undefined ? {} : {line}),
      rule: `unused-${rule}`,
      message: name ?? JSON.stringify(found),
    }));
  });
}

/** Unused: files, exports and dependencies that nothing needs, and needed ones that nobody declared, by knip. */
export const unused: Step = {
  name: 'unused',
  run: async (root) => {
    const args = ['--reporter', 'json', '--no-progress', '--no-config-hints'];
    const {stdout} = await runTool(root, 'knip', args, [0, 1]);
    return (JSON.parse(stdout) as {readonly issues: readonly KnipIssue[]}).issues.flatMap(knipFindings);
  },
};

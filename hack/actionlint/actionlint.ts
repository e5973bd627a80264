import {join} from 'node:path';
import {buildGo, type GoProgram} from '../lib/go.ts';
import type {Progress} from '../lib/progress.ts';

const ACTIONLINT: GoProgram = {
  name: 'actionlint',
  module: join(import.meta.dirname, 'go'),
  path: 'github.com/rhysd/actionlint/cmd/actionlint',
  purpose: "builds actionlint, which checks GitHub's workflows",
};

/** The path of actionlint, built from its module, which takes about 20 seconds on 2 cores once. */
export async function actionlint(progress: Progress): Promise<string> {
  return buildGo(ACTIONLINT, progress);
}

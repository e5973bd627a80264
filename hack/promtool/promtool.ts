import {join} from 'node:path';
import {buildGo, type GoProgram} from '../lib/go.ts';
import type {Progress} from '../lib/progress.ts';

const PROMTOOL: GoProgram = {
  name: 'promtool',
  module: join(import.meta.dirname, 'go'),
  path: 'github.com/prometheus/prometheus/cmd/promtool',
  // Service discovery, the larger part of the program, is not needed to try rules.
  tags: ['remove_all_sd'],
  purpose: 'builds promtool, which tries the alert rules',
};

/** The path of Prometheus' own checker of rules, built from its module, which takes about 3 minutes on 2 cores once. */
export async function promtool(progress: Progress): Promise<string> {
  return buildGo(PROMTOOL, progress);
}

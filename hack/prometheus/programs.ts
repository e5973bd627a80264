import {join} from 'node:path';
import {buildGo, type GoProgram} from '../lib/go.ts';
import type {Progress} from '../lib/progress.ts';

const SERVER = join(import.meta.dirname, 'go');
const OPERATOR = join(import.meta.dirname, 'operator-go');

const PROMETHEUS: GoProgram = {
  name: 'prometheus',
  module: SERVER,
  path: 'github.com/prometheus/prometheus/cmd/prometheus',
  // Of the ways to discover targets, the larger part of the program, only the cluster's. Its web pages need a build of
  // their own and are left out: tests and people ask its API.
  tags: ['remove_all_sd', 'enable_kubernetes_sd'],
  purpose: 'builds Prometheus, which scrapes the cluster of the tests',
};

const PROMTOOL: GoProgram = {
  name: 'promtool',
  module: SERVER,
  path: 'github.com/prometheus/prometheus/cmd/promtool',
  // Service discovery, the larger part of the program, is not needed to try rules.
  tags: ['remove_all_sd'],
  purpose: 'builds promtool, which tries the alert rules',
};

const PROMETHEUS_OPERATOR: GoProgram = {
  name: 'prometheus-operator',
  module: OPERATOR,
  path: 'github.com/prometheus-operator/prometheus-operator/cmd/operator',
  purpose: 'builds the Prometheus operator, which runs Prometheus in the cluster of the tests',
};

const CONFIG_RELOADER: GoProgram = {
  name: 'prometheus-config-reloader',
  module: OPERATOR,
  path: 'github.com/prometheus-operator/prometheus-operator/cmd/prometheus-config-reloader',
  purpose: 'builds the program that hands Prometheus its changed configuration',
};

/** The path of the Prometheus server, built from its module, which takes about 4 minutes on 2 cores once. */
export async function prometheus(progress: Progress): Promise<string> {
  return buildGo(PROMETHEUS, progress);
}

/** The path of Prometheus' own checker of rules, built from its module, which takes about 3 minutes on 2 cores once. */
export async function promtool(progress: Progress): Promise<string> {
  return buildGo(PROMTOOL, progress);
}

/** The path of the Prometheus operator, built from its module. */
export async function prometheusOperator(progress: Progress): Promise<string> {
  return buildGo(PROMETHEUS_OPERATOR, progress);
}

/** The path of the Prometheus operator's helper beside each Prometheus, built from its module. */
export async function configReloader(progress: Progress): Promise<string> {
  return buildGo(CONFIG_RELOADER, progress);
}

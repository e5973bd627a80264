import {hostname} from 'node:os';

/** How this process runs, from its environment. */
export interface OperatorConfig {
  /** Namespaces to serve; empty = all. */
  readonly watchNamespaces: readonly string[];
  /** Where the Lease is. */
  readonly namespace: string;
  /** Unique to this process. */
  readonly identity: string;
  readonly logLevel: string;
  readonly metricsPort: number;
  readonly healthPort: number;
  readonly healthHost: string;
  /** Whether pods are reached by their IPs (in the cluster) or through the API server (from a laptop). */
  readonly inCluster: boolean;
  readonly workers: number;
  /** YAML file with the Prometheus servers that specs may refer to; undefined: none. */
  readonly prometheusServersFile: string | undefined;
  /** Name of the operator's own pod; undefined outside of a cluster. */
  readonly podName: string | undefined;
  /** The image in which backups are made; undefined: that of the operator's own pod. */
  readonly image: string | undefined;
}

/** A variable of the environment can't be used; the message says what it must be. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const LOG_LEVELS = ['debug', 'info', 'warn', 'error'];
const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

function port(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined || text === '') return fallback;
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65535) {
    throw new ConfigError(`${name} must be a port between 0 and 65535, but is "${text}"`);
  }
  return Number(text);
}

function namespaces(text: string | undefined): string[] {
  const names = (text ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const wrong = names.find((name) => !NAMESPACE.test(name));
  if (wrong !== undefined)
    throw new ConfigError(`WATCH_NAMESPACES must be names of namespaces with commas between, but has "${wrong}"`);
  return names;
}

/**
 * Reads the configuration.
 *
 * @throws ConfigError naming the variable and what it must be
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): OperatorConfig {
  const logLevel = env['LOG_LEVEL'] === '' ? 'info' : (env['LOG_LEVEL'] ?? 'info');
  if (!LOG_LEVELS.includes(logLevel))
    throw new ConfigError(`LOG_LEVEL must be one of ${LOG_LEVELS.join(', ')}, but is "${logLevel}"`);
  const namespace = env['POD_NAMESPACE'] ?? 'maintenance-api-system';
  if (!NAMESPACE.test(namespace))
    throw new ConfigError(`POD_NAMESPACE must be the name of a namespace, but is "${namespace}"`);
  const inCluster = env['KUBERNETES_SERVICE_HOST'] !== undefined;
  // On a laptop nobody asks for a certain port, and those may be taken: any free one.
  const ports = inCluster ? {metrics: 8080, health: 8081} : {metrics: 0, health: 0};
  return {
    watchNamespaces: namespaces(env['WATCH_NAMESPACES']),
    namespace,
    identity: `${env['POD_NAME'] ?? hostname()}_${String(process.pid)}_${String(Math.round(performance.timeOrigin))}`,
    logLevel,
    metricsPort: port('METRICS_PORT', env['METRICS_PORT'], ports.metrics),
    healthPort: port('HEALTH_PORT', env['HEALTH_PORT'], ports.health),
    healthHost: inCluster ? '0.0.0.0' : '127.0.0.1',
    inCluster,
    workers: 8,
    prometheusServersFile: env['PROMETHEUS_SERVERS_FILE'] === '' ? undefined : env['PROMETHEUS_SERVERS_FILE'],
    podName: inCluster ? env['POD_NAME'] : undefined,
    image: env['OPERATOR_IMAGE'] === '' ? undefined : env['OPERATOR_IMAGE'],
  };
}

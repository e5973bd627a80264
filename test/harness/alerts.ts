import type {PrometheusApi} from './prometheus.ts';
import {waitFor} from './wait.ts';

/** A MaintenanceApi. */
interface Where {
  readonly namespace: string;
  readonly name: string;
}

const LOOK_MS = 2_000;

/** Critical alerts that fire for a resource, by name. */
export async function firingAlerts(prometheus: PrometheusApi, {namespace, name}: Where): Promise<string[]> {
  const own = (await prometheus.alerts()).filter(
    ({labels, state}) =>
      state === 'firing' &&
      labels['severity'] === 'critical' &&
      labels['namespace'] === namespace &&
      labels['maintenanceapi'] === name,
  );
  return [...new Set(own.map(({labels}) => labels['alertname'] ?? ''))].sort();
}

/** Which alerts are waited for. */
export interface AwaitedAlerts {
  readonly names: readonly string[];
  /** Whether all of them have to fire, or none. */
  readonly fire: boolean;
  readonly timeoutMs: number;
}

/** Waits until critical alerts are among those that fire for a resource, or none of them is. */
export async function waitAlerts(
  prometheus: PrometheusApi,
  where: Where,
  {names, fire, timeoutMs}: AwaitedAlerts,
): Promise<void> {
  await waitFor(
    `${fire ? 'firing' : 'cleared'} for ${where.namespace}: ${names.join(', ')}`,
    async () => {
      const found = await firingAlerts(prometheus, where);
      if (names.every((name) => found.includes(name) === fire)) return true;
      throw new Error(`firing: ${found.join(', ')}`);
    },
    timeoutMs,
    LOOK_MS,
  );
}

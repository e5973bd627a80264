import type {MaintenanceApi, MaintenanceApiStatus} from '../api/v1alpha1/index.ts';
import {childNames} from '../desired/index.ts';
import type {Observation} from '../remediation/index.ts';
import {nextWindow} from './maintenance-window.ts';

type Upgrade = NonNullable<MaintenanceApiStatus['upgrade']>;

/** Which pods are as an older operator rendered them, and when they may be replaced; undefined where none are. */
export function upgradeOf(
  api: MaintenanceApi,
  {deployment, templates: {newest, database}, now}: Pick<Observation, 'deployment' | 'templates' | 'now'>,
): Upgrade | undefined {
  const names = childNames(api.metadata.name);
  const found: readonly [Upgrade['pending'][number]['kind'], string, number | undefined][] = [
    ['Deployment', names.api, deployment?.renderVersion],
    ['StatefulSet', names.database, database],
  ];
  const pending = found.flatMap(([kind, name, renderVersion]) =>
    renderVersion === undefined || renderVersion >= newest ? [] : [{kind, name, renderVersion}],
  );
  if (pending.length === 0) return undefined;
  const next = nextWindow(api, now);
  return {
    renderVersion: newest,
    pending,
    ...(next === undefined ? {} : {next: `${new Date(next).toISOString().slice(0, 19)}Z`}),
  };
}

import type {MaintenanceApi} from '../../api/v1alpha1/index.ts';
import {alertingRule, type AlertingRule} from './rules.ts';
import {byResource, ownSeries} from './series.ts';

const KEY_UNSAVED = 'KeyOnlyInCluster';
/** A backup's own time is of the clock of its node. */
const CLOCKS_SECONDS = 60;

/** What keeps a resource that asks for backups from being restored after a loss. */
export function backupAlerts(api: MaintenanceApi): readonly AlertingRule[] {
  // One reason may follow another: the time goes on.
  const problem = (reason: string): string =>
    `max ${byResource} (${ownSeries(api, 'maintenance_api_backup_problem', reason)}) == 1`;
  const due = `max ${byResource} (${ownSeries(api, 'maintenance_api_backup_due_timestamp_seconds')})`;
  const newest = `max ${byResource} (${ownSeries(api, 'maintenance_api_backup_last_success_timestamp_seconds')})`;
  return [
    alertingRule(api, {
      alert: 'MaintenanceApiBackupFailing',
      expr: problem(`reason!="${KEY_UNSAVED}"`),
      for: '1h',
      summary: 'no backup is made',
      description: 'The condition BackupReady has been False for an hour; its message names the cause.',
    }),
    alertingRule(api, {
      alert: 'MaintenanceApiBackupOverdue',
      expr: `${due} - ${newest} > ${CLOCKS_SECONDS} or (${due} unless ${newest})`,
      // A run begins within an hour or never, and the dump of a large database takes its time.
      for: '4h',
      summary: 'the newest backup is older than the schedule asks for',
      description:
        'The schedule asked for a backup four hours ago or earlier, and none that began since then is listed.',
    }),
    alertingRule(api, {
      alert: 'MaintenanceApiBackupKeyUnsaved',
      expr: problem(`reason="${KEY_UNSAVED}"`),
      for: '1h',
      summary: 'the key of the backups is in this cluster alone',
      description:
        'When the cluster is lost no backup can be read: keep a copy of the key elsewhere, and say so by the annotation that the condition BackupReady names.',
    }),
  ];
}

/** Checks the evidence of the last demo run, without the operator's word: audit log, ledgers, rows, objects. */
import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {stateRoot} from '../lib/state.ts';
import {byOperator, deploymentPatches, evictionsIn, isWrite, readAudit} from '../../test/harness/audit.ts';
import {isBad, isBroken, type LedgerEntry} from '../../test/harness/ledger.ts';
import {ALERTS_FILE, BACKUP_OBJECT, DATABASE_ALERTS, WHERE, type AlertsEvidence, type Facts} from './step.ts';

const MINUTE_MS = 60_000;

/** One thing that must hold in the evidence. */
interface Check {
  readonly name: string;
  /** @returns what was found; throws when it doesn't hold */
  readonly run: (evidence: Evidence) => Promise<string> | string;
}

interface StoredObject {
  kind: string;
  metadata: {name: string; labels?: Record<string, string>};
  spec: {image?: string};
}

interface Evidence {
  readonly auditLog: string;
  readonly facts: Facts;
  readonly steady: readonly LedgerEntry[];
  readonly writes: readonly LedgerEntry[];
  readonly rows: ReadonlySet<string>;
  readonly objects: readonly StoredObject[];
  /** The encrypted dump, as the bucket had it. */
  readonly backup: Buffer;
  readonly alerts: AlertsEvidence;
}

function must(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

/** When the operator patched the Deployment, by the audit log, milliseconds. */
async function patchTimes({auditLog}: Evidence): Promise<number[]> {
  const patches = await readAudit(auditLog, deploymentPatches(WHERE.namespace, WHERE.name));
  return patches.map((patch) => Date.parse(patch.stageTimestamp)).sort((a, b) => a - b);
}

/** The first patch after the client's first bad answer: the rollback. */
async function rollback(evidence: Evidence): Promise<{firstBad: number; patched: number}> {
  const firstBad = evidence.steady.find((entry) => isBad(entry) && entry.t >= (evidence.facts.badReleasedAt ?? 0))?.t;
  if (firstBad === undefined) throw new Error('the client saw no bad answer');
  const patched = (await patchTimes(evidence)).find((time) => time > firstBad);
  if (patched === undefined) throw new Error('the Deployment was not patched after it');
  return {firstBad, patched};
}

const checks: readonly Check[] = [
  {
    name: 'the bad release was rolled back within 30 s of the first bad answer',
    run: async (evidence) => {
      const {firstBad, patched} = await rollback(evidence);
      must(patched - firstBad <= 30_000, `it took ${String((patched - firstBad) / 1000)} s`);
      return `${((patched - firstBad) / 1000).toFixed(1)} s`;
    },
  },
  {
    name: 'no request was refused, reset or timed out around the rollback',
    run: async (evidence) => {
      const {patched} = await rollback(evidence);
      const around = evidence.steady.filter((entry) => entry.t > patched - 10_000 && entry.t < patched + 60_000);
      must(around.length > 1_000, `the ledger has only ${String(around.length)} requests around it`);
      const broken = around.filter(isBroken).length;
      must(broken === 0, `${String(broken)} of ${String(around.length)}`);
      return `0 of ${String(around.length)}`;
    },
  },
  {
    name: 'no ReplicaSet but those of the four revisions that were asked for was made',
    run: ({objects, facts}) => {
      const known = [facts.good, facts.bad, facts.blocked, facts.hanging];
      const sets = objects.filter((object) => object.kind === 'ReplicaSet');
      const revisions = sets.map((set) => set.metadata.labels?.['maintenance-api.io/revision']);
      must(sets.length === known.length, `there are ${String(sets.length)}`);
      must(
        revisions.every((revision) => known.includes(revision)),
        `one has revision ${revisions.join(', ')}`,
      );
      return revisions.join(', ');
    },
  },
  {
    name: "the operator never wrote the resource's spec",
    run: async ({auditLog}) => {
      const writes = await readAudit(
        auditLog,
        (event) =>
          byOperator(event) &&
          isWrite(event) &&
          event.objectRef?.resource === 'maintenanceapis' &&
          event.objectRef.subresource !== 'status',
      );
      must(writes.length === 0, `it wrote ${String(writes.length)} times`);
      return 'no write beside status';
    },
  },
  {
    name: 'every acknowledged task is in the database',
    run: ({writes, rows}) => {
      const acknowledged = writes.flatMap((entry) => entry.id ?? []);
      const lost = acknowledged.filter((id) => !rows.has(id));
      must(acknowledged.length > 100, `only ${String(acknowledged.length)} were acknowledged`);
      must(lost.length === 0, `${String(lost.length)} are lost`);
      return `${String(acknowledged.length)} of ${String(acknowledged.length)}`;
    },
  },
  {
    name: 'no acknowledged task can be read in the backup in the bucket',
    run: ({backup, rows}) => {
      const readable = [...rows].filter((id) => backup.includes(id));
      must(backup.length > 10_000, `it has only ${String(backup.length)} bytes`);
      must(readable.length === 0, `${String(readable.length)} can`);
      return `${String(backup.length)} bytes, 0 of ${String(rows.size)}`;
    },
  },
  {
    name: 'the pod that hung was evicted, once, and no other',
    run: async ({auditLog, facts}) => {
      const asked = await readAudit(auditLog, evictionsIn(WHERE.namespace));
      const evicted = asked.map(
        ({objectRef, responseStatus}) => `${objectRef?.name ?? ''} ${String(responseStatus?.code)}`,
      );
      must(evicted.length === 1 && evicted[0] === `${facts.hungPod ?? ''} 201`, evicted.join(', ') || 'none was');
      return evicted.join(', ');
    },
  },
  {
    name: 'the alerts fired after mysqld had hung for a minute, not before, and cleared',
    run: ({alerts, facts}) => {
      const {databaseHungAt = 0, databaseContinuedAt = 0} = facts;
      const found = DATABASE_ALERTS.map((alert) => {
        const [first] = alerts.fired[alert] ?? [];
        if (first === undefined) throw new Error(`${alert} never fired`);
        const since = `${((first - databaseHungAt) / 1000).toFixed(0)} s`;
        must(first > databaseHungAt + MINUTE_MS, `${alert} fired after ${since}`);
        must(first < databaseContinuedAt, `${alert} fired only when mysqld went on`);
        return `${alert} after ${since}`;
      });
      must(alerts.left.length === 0, `${alerts.left.join(', ')} did not clear`);
      return found.join(', ');
    },
  },
  {
    name: 'nothing was refused to the operator',
    run: async ({auditLog}) => {
      const refused = await readAudit(auditLog, (event) => byOperator(event) && event.responseStatus?.code === 403);
      must(refused.length === 0, refused.map((event) => `${event.verb} ${event.requestURI}`).join(', '));
      return 'no 403 in the audit log';
    },
  },
];

async function load(folder: string): Promise<Evidence> {
  const json = async <T>(name: string): Promise<T> => JSON.parse(await readFile(join(folder, name), 'utf8')) as T;
  return {
    auditLog: join(folder, 'audit.log'),
    facts: await json<Facts>('facts.json'),
    steady: await json<LedgerEntry[]>('ledger-steady.json'),
    writes: await json<LedgerEntry[]>('ledger-writes.json'),
    rows: new Set(await json<string[]>('rows.json')),
    backup: await readFile(join(folder, BACKUP_OBJECT)),
    alerts: await json<AlertsEvidence>(ALERTS_FILE),
    objects: (await json<{items: StoredObject[]}>('objects.json')).items,
  };
}

async function verify(): Promise<number> {
  const evidence = await load(join(stateRoot(), 'demo'));
  let failed = 0;
  for (const {name, run} of checks) {
    try {
      process.stdout.write(`✔ ${name}: ${await run(evidence)}\n`);
    } catch (error) {
      failed += 1;
      process.stdout.write(`✖ ${name}: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  }
  return failed;
}

process.exitCode = (await verify()) === 0 ? 0 : 1;

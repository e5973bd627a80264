import {WHERE, type StepContext} from './step.ts';

/** Writes what verify checks: the audit log, the client's ledgers, the database's rows, objects and what was noted. */
export async function saveEvidence({world, facts}: StepContext): Promise<void> {
  await world.evidence('facts.json', facts);
  await world.collect(WHERE.namespace);
  for (const load of facts.loads) {
    await world.evidence(`ledger-${load}.json`, await world.ledger(WHERE.namespace, load).catch(() => []));
  }
  const objects = await world
    .kubectl(['get', 'maintenanceapi,replicaset,deployment', '-n', WHERE.namespace, '-o', 'json'])
    .catch(() => '{"items":[]}');
  await world.evidence('objects.json', objects);
  const rows = await world.query(WHERE, 'SELECT id FROM tasks').catch(() => []);
  await world.evidence('rows.json', rows);
}

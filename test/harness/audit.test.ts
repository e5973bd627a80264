import {describe, expect, test} from '@jest/globals';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {deploymentPatches, isWrite, OPERATOR_USER, readAudit} from './audit.ts';
import {isBad, isBroken, parseLedger} from './ledger.ts';

const event = (more: object): string =>
  JSON.stringify({
    stage: 'ResponseComplete',
    verb: 'patch',
    user: {username: OPERATOR_USER},
    objectRef: {resource: 'deployments', namespace: 'a', name: 'b'},
    responseStatus: {code: 200},
    ...more,
  });

describe('the audit log as a witness', () => {
  test('counts only successful patches of that Deployment by the operator', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'audit-'));
    try {
      const path = join(folder, 'audit.log');
      const lines = [
        event({}),
        event({stage: 'RequestReceived'}),
        event({user: {username: 'someone'}}),
        event({verb: 'get'}),
        event({responseStatus: {code: 409}}),
        event({objectRef: {resource: 'deployments', namespace: 'a', name: 'c'}}),
        '{"stage":"ResponseComplete","verb":"pat',
      ];
      await writeFile(path, lines.join('\n'));
      const found = await readAudit(path, deploymentPatches('a', 'b'));
      expect(found).toHaveLength(1);
      expect(await readAudit(path, isWrite)).toHaveLength(4);
    } finally {
      await rm(folder, {recursive: true});
    }
  });
});

describe('the ledger', () => {
  test('tells bad from broken and leaves a cut line out', () => {
    const entries = parseLedger(
      '{"t":1,"s":200,"ms":1,"m":"GET"}\n{"t":2,"s":500,"ms":1,"m":"GET"}\n{"t":3,"s":0,"e":"ECONNRESET","ms":1,"m":"GET"}\n{"t":4',
    );
    expect(entries.map((entry) => [isBad(entry), isBroken(entry)])).toEqual([
      [false, false],
      [true, false],
      [true, true],
    ]);
  });
});

import {X509Certificate} from 'node:crypto';
import {mkdtemp, readFile, rm, stat} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, test} from '@jest/globals';
import {CertificateAuthority, writeKubeconfig} from './pki.ts';

let folder: string;
let authority: CertificateAuthority;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pki-test-'));
  authority = await CertificateAuthority.create(folder, 'ca');
});

afterEach(async () => {
  await rm(folder, {recursive: true});
});

async function certificate(path: string): Promise<X509Certificate> {
  return new X509Certificate(await readFile(path));
}

test('an authority signs servers by name and address', async () => {
  const {certFile} = await authority.issue({name: 'server', subjectAltNames: ['DNS:localhost', 'IP:127.0.0.1']});
  const [ca, server] = [await certificate(authority.certFile), await certificate(certFile)];
  expect(ca.ca).toBe(true);
  expect(server.ca).toBe(false);
  expect(server.verify(ca.publicKey)).toBe(true);
  expect(server.checkHost('localhost')).toBe('localhost');
  expect(server.checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(server.checkHost('elsewhere')).toBeUndefined();
});

test('user and groups are in the subject, whatever characters they have', async () => {
  const {certFile} = await authority.issue({
    name: 'user',
    commonName: 'system:serviceaccount:ns:name',
    organizations: ['dev/ops', 'a+b'],
  });
  expect((await certificate(certFile)).subject.split('\n')).toEqual([
    'O=dev/ops',
    expect.stringMatching(/^O=a\\?\+b$/),
    'CN=system:serviceaccount:ns:name',
  ]);
});

test('two authorities do not vouch for each other’s certificates', async () => {
  const other = await CertificateAuthority.create(folder, 'other');
  const {certFile} = await other.issue({name: 'stranger'});
  expect((await certificate(certFile)).verify((await certificate(authority.certFile)).publicKey)).toBe(false);
});

test('a kubeconfig is complete in itself and readable by its owner alone', async () => {
  const client = await authority.issue({name: 'alice'});
  const path = join(folder, 'kubeconfig');
  const server = 'https://127.0.0.1:1';
  await writeKubeconfig({server, caFile: authority.certFile, client, user: 'alice', context: 'test', path});
  const config = JSON.parse(await readFile(path, 'utf8')) as {users: {user: Record<string, string>}[]};
  expect(config).toMatchObject({'current-context': 'test', clusters: [{cluster: {server}}]});
  const key = Buffer.from(config.users[0]?.user['client-key-data'] ?? '', 'base64').toString();
  expect(key).toBe(await readFile(client.keyFile, 'utf8'));
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

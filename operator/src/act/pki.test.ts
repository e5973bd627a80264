import {describe, expect, test} from '@jest/globals';
import {X509Certificate, createPrivateKey} from 'node:crypto';
import type {AddressInfo} from 'node:net';
import {connect, createServer, type PeerCertificate} from 'node:tls';
import {createAuthority, issueServerCertificate, needsRenewal, type PemKeyPair} from './pki.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const NAMES = {
  dns: ['shop-mysql', 'shop-mysql.apis.svc', '*.shop-mysql-pods.apis.svc', 'localhost'],
  ip: ['127.0.0.1'],
};

const after = (start: Date, days: number): Date => new Date(start.getTime() + days * DAY_MS);

/** The certificate that a client which trusts `authority` and asks for `servername` gets; rejects as a client would. */
async function handshake(server: PemKeyPair, authority: PemKeyPair, servername: string): Promise<PeerCertificate> {
  const listener = createServer({cert: server.certificate, key: server.privateKey}, (socket) => socket.end());
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  try {
    const {port} = listener.address() as AddressInfo;
    return await new Promise((resolve, reject) => {
      const socket = connect({host: '127.0.0.1', port, servername, ca: authority.certificate}, () => {
        resolve(socket.getPeerCertificate());
        socket.destroy();
      });
      socket.once('error', reject);
    });
  } finally {
    await new Promise((resolve) => listener.close(resolve));
  }
}

describe('certificates', () => {
  test.each(['shop-mysql', 'shop-mysql.apis.svc', 'shop-mysql-0.shop-mysql-pods.apis.svc', 'localhost'])(
    'are accepted by a client that asks for %s',
    async (servername) => {
      const now = new Date();
      const authority = await createAuthority(now);
      const server = await issueServerCertificate(authority, NAMES, now);
      expect((await handshake(server, authority, servername)).subject.CN).toBe('maintenance-api database');
    },
  );

  test('are refused for a name that they do not have', async () => {
    const now = new Date();
    const authority = await createAuthority(now);
    const server = await issueServerCertificate(authority, NAMES, now);
    await expect(handshake(server, authority, 'other-mysql')).rejects.toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
  });

  test('are refused by a client that trusts another authority', async () => {
    const now = new Date();
    const server = await issueServerCertificate(await createAuthority(now), NAMES, now);
    await expect(handshake(server, await createAuthority(now), 'shop-mysql')).rejects.toThrow(/unable to verify/);
  });

  test('name addresses, may only serve, and can not sign others', async () => {
    const now = new Date();
    const authority = await createAuthority(now);
    const server = new X509Certificate((await issueServerCertificate(authority, NAMES, now)).certificate);
    expect(server.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(server.ca).toBe(false);
    expect(server.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(new X509Certificate(authority.certificate).ca).toBe(true);
  });

  test('have elliptic keys in PKCS #8, another one each time, and another serial number', async () => {
    const now = new Date();
    const authority = await createAuthority(now);
    const pairs = [
      await issueServerCertificate(authority, NAMES, now),
      await issueServerCertificate(authority, NAMES, now),
    ];
    for (const {certificate, privateKey} of pairs) {
      expect(new X509Certificate(certificate).checkPrivateKey(createPrivateKey(privateKey))).toBe(true);
      expect(createPrivateKey(privateKey).asymmetricKeyDetails).toEqual({namedCurve: 'prime256v1'});
      expect(privateKey).toMatch(/^-----BEGIN PRIVATE KEY-----\n[^]*\n-----END PRIVATE KEY-----\n$/);
    }
    expect(new Set(pairs.map(({privateKey}) => privateKey)).size).toBe(2);
    expect(new Set(pairs.map(({certificate}) => new X509Certificate(certificate).serialNumber)).size).toBe(2);
  });

  test('last ten years for an authority and one year for a server', async () => {
    const now = new Date('2026-03-01T00:00:00Z');
    const authority = await createAuthority(now);
    const server = await issueServerCertificate(authority, NAMES, now);
    expect(new X509Certificate(authority.certificate).validToDate).toEqual(after(now, 3650));
    expect(new X509Certificate(server.certificate).validToDate).toEqual(after(now, 365));
    expect(new X509Certificate(server.certificate).validFromDate.getTime()).toBeLessThan(now.getTime());
  });
});

describe('needsRenewal', () => {
  test('is true from two thirds of the life on', async () => {
    const now = new Date('2026-03-01T00:00:00Z');
    const authority = await createAuthority(now);
    const {certificate} = await issueServerCertificate(authority, NAMES, now);
    expect(needsRenewal(certificate, authority.certificate, now)).toBe(false);
    expect(needsRenewal(certificate, authority.certificate, after(now, 243))).toBe(false);
    expect(needsRenewal(certificate, authority.certificate, after(now, 244))).toBe(true);
    expect(needsRenewal(certificate, authority.certificate, after(now, 400))).toBe(true);
  });

  test('is true for a certificate of another authority', async () => {
    const now = new Date();
    const {certificate} = await issueServerCertificate(await createAuthority(now), NAMES, now);
    expect(needsRenewal(certificate, (await createAuthority(now)).certificate, now)).toBe(true);
  });

  test.each(['', 'not a certificate'])('is true for what can not be read: %j', async (unreadable) => {
    const now = new Date();
    const authority = await createAuthority(now);
    const {certificate} = await issueServerCertificate(authority, NAMES, now);
    expect(needsRenewal(unreadable, authority.certificate, now)).toBe(true);
    expect(needsRenewal(certificate, unreadable, now)).toBe(true);
  });
});

import 'reflect-metadata';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import {randomBytes, webcrypto, X509Certificate as NodeCertificate} from 'node:crypto';

/** A certificate and its private key (PKCS #8), PEM. */
export interface PemKeyPair {
  readonly certificate: string;
  readonly privateKey: string;
}

/** What a server certificate is good for. A name may begin with `*.`. */
export interface SubjectNames {
  readonly dns: readonly string[];
  readonly ip: readonly string[];
}

const ALGORITHM = {name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256'};
const DAY_MS = 24 * 60 * 60 * 1000;
const AUTHORITY_DAYS = 3650;
const SERVER_DAYS = 365;
/** A certificate is valid from a little before it was made: clocks differ. */
const BACKDATE_MS = 5 * 60 * 1000;

/** Makes a certificate authority that is valid for ten years from `now`. */
export async function createAuthority(now: Date): Promise<PemKeyPair> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      // Two authorities of one name would be taken for each other while one replaces the other.
      name: `CN=maintenance-api database authority ${randomBytes(4).toString('hex')}`,
      serialNumber: serialNumber(),
      ...validity(now, AUTHORITY_DAYS),
      keys,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    },
    webcrypto,
  );
  return pemKeyPair(certificate, keys.privateKey);
}

/**
 * Issues a server certificate that is valid for one year from `now`.
 *
 * @throws Error when the authority's PEM can't be read
 */
export async function issueServerCertificate(
  authority: PemKeyPair,
  names: SubjectNames,
  now: Date,
): Promise<PemKeyPair> {
  const issuer = new X509Certificate(authority.certificate);
  const signingKey = await webcrypto.subtle.importKey(
    'pkcs8',
    PemConverter.decodeFirst(authority.privateKey),
    ALGORITHM,
    false,
    ['sign'],
  );
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.create(
    {
      subject: 'CN=maintenance-api database',
      issuer: issuer.subject,
      serialNumber: serialNumber(),
      ...validity(now, SERVER_DAYS),
      publicKey: keys.publicKey,
      signingKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension([
          ...names.dns.map((value) => ({type: 'dns' as const, value})),
          ...names.ip.map((value) => ({type: 'ip' as const, value})),
        ]),
        await AuthorityKeyIdentifierExtension.create(issuer, false, webcrypto),
        await SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return pemKeyPair(certificate, keys.privateKey);
}

/**
 * Whether a server certificate has to be issued anew: two thirds of its life are over, or clients that trust
 * `authorityCertificate` would not accept it, or one of the two can't be read.
 */
export function needsRenewal(certificate: string, authorityCertificate: string, now: Date): boolean {
  const server = readCertificate(certificate);
  const authority = readCertificate(authorityCertificate);
  if (server === undefined || authority === undefined) return true;
  if (!server.checkIssued(authority) || !server.verify(authority.publicKey)) return true;
  const begin = server.validFromDate.getTime();
  const end = server.validToDate.getTime();
  return now.getTime() >= begin + ((end - begin) * 2) / 3;
}

/** When a certificate ends; undefined when it can't be read. */
export function certificateEnd(pem: string): Date | undefined {
  return readCertificate(pem)?.validToDate;
}

function readCertificate(pem: string): NodeCertificate | undefined {
  try {
    return new NodeCertificate(pem);
  } catch {
    // Whatever is wrong with it: it is to be replaced.
    return undefined;
  }
}

function validity(now: Date, days: number): {notBefore: Date; notAfter: Date} {
  return {
    notBefore: new Date(now.getTime() - BACKDATE_MS),
    notAfter: new Date(now.getTime() + days * DAY_MS),
  };
}

/** 128 random bits; the first byte keeps the number positive and its encoding free of leading zeros. */
function serialNumber(): string {
  return `4${randomBytes(16).toString('hex').slice(1)}`;
}

async function pemKeyPair(certificate: X509Certificate, key: webcrypto.CryptoKey): Promise<PemKeyPair> {
  return {
    certificate: `${certificate.toString('pem')}\n`,
    privateKey: `${PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`,
  };
}

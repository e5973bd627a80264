import {randomBytes} from 'node:crypto';
import {readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {run} from '../lib/exec.ts';

/** Certificates live as long as a cluster may: a year, as kubeadm's. */
const VALID_DAYS = '365';

export interface KeyPair {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface CertificateRequest {
  /** Becomes the file names, and the user's name in Kubernetes unless `commonName` says otherwise. */
  readonly name: string;
  readonly commonName?: string;
  /** The user's groups in Kubernetes. */
  readonly organizations?: readonly string[];
  /** Names and addresses of a server, as openssl writes them: `DNS:localhost`, `IP:127.0.0.1`. */
  readonly subjectAltNames?: readonly string[];
}

/** A certificate authority made by openssl in a folder of its own. */
export class CertificateAuthority implements KeyPair {
  readonly certFile: string;
  readonly keyFile: string;
  readonly #directory: string;

  private constructor(directory: string, name: string) {
    this.#directory = directory;
    this.certFile = join(directory, `${name}.crt`);
    this.keyFile = join(directory, `${name}.key`);
  }

  /**
   * Makes a new authority.
   * @param directory - existing folder for it and for all that it signs
   * @param name - file name and common name
   */
  static async create(directory: string, name: string): Promise<CertificateAuthority> {
    const authority = new CertificateAuthority(directory, name);
    await run([
      ...newCertificate(authority, subject(name, [])),
      ...['-addext', 'basicConstraints=critical,CA:TRUE'],
      ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign,digitalSignature'],
    ]);
    return authority;
  }

  /** The authority that create made in this folder under this name. */
  static existing(directory: string, name: string): CertificateAuthority {
    return new CertificateAuthority(directory, name);
  }

  /** Signs a new key's certificate for client and server authentication. */
  async issue(request: CertificateRequest): Promise<KeyPair> {
    const pair = {
      certFile: join(this.#directory, `${request.name}.crt`),
      keyFile: join(this.#directory, `${request.name}.key`),
    };
    const names = request.subjectAltNames ?? [];
    await run([
      ...newCertificate(pair, subject(request.commonName ?? request.name, request.organizations ?? [])),
      ...['-CA', this.certFile, '-CAkey', this.keyFile],
      ...['-addext', 'basicConstraints=critical,CA:FALSE'],
      ...['-addext', 'keyUsage=critical,digitalSignature,keyEncipherment'],
      ...['-addext', 'extendedKeyUsage=clientAuth,serverAuth'],
      ...(names.length === 0 ? [] : ['-addext', `subjectAltName=${names.join(',')}`]),
    ]);
    return pair;
  }
}

/**
 * Makes the key that signs service account tokens.
 * @param directory - where
 * @returns files of the private and the public key
 */
export async function serviceAccountKey(directory: string): Promise<{privateKey: string; publicKey: string}> {
  const privateKey = join(directory, 'service-account.key');
  const publicKey = join(directory, 'service-account.pub');
  await run(['openssl', 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', privateKey]);
  await run(['openssl', 'ec', '-in', privateKey, '-pubout', '-out', publicKey]);
  return {privateKey, publicKey};
}

/** Who a kubeconfig is for, with key and certificate. */
export interface KubeconfigOptions {
  /** `https://host:port` */
  readonly server: string;
  readonly caFile: string;
  readonly client: KeyPair;
  readonly user: string;
  readonly context: string;
  readonly path: string;
}

/** Writes a kubeconfig with one context that needs no other file; JSON is YAML. */
export async function writeKubeconfig(options: KubeconfigOptions): Promise<string> {
  const base64 = async (path: string): Promise<string> => (await readFile(path)).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: options.context,
        cluster: {server: options.server, 'certificate-authority-data': await base64(options.caFile)},
      },
    ],
    users: [
      {
        name: options.user,
        user: {
          'client-certificate-data': await base64(options.client.certFile),
          'client-key-data': await base64(options.client.keyFile),
        },
      },
    ],
    contexts: [{name: options.context, context: {cluster: options.context, user: options.user}}],
    'current-context': options.context,
  };
  await writeFile(options.path, `${JSON.stringify(config, undefined, 2)}\n`, {mode: 0o600});
  return options.path;
}

function newCertificate(pair: KeyPair, subjectName: string): [string, ...string[]] {
  return [
    ...(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'] as const),
    // An empty configuration: the machine's own may add extensions a second time, which Go refuses.
    ...['-config', '/dev/null', '-days', VALID_DAYS, '-set_serial', `0x${randomBytes(8).toString('hex')}`],
    ...['-subj', subjectName, '-keyout', pair.keyFile, '-out', pair.certFile],
  ];
}

function subject(commonName: string, organizations: readonly string[]): string {
  const escape = (text: string): string => text.replaceAll(/[\\/+]/g, '\\$&');
  return `${organizations.map((organization) => `/O=${escape(organization)}`).join('')}/CN=${escape(commonName)}`;
}

import type {KeyPair} from './pki.ts';

/** Command line flags without the dashes. */
export type Flags = Readonly<Record<string, string | number | boolean>>;

/** Service addresses; the first one is the API server's own Service, the tenth the cluster DNS. */
const SERVICE_CIDR = '10.96.0.0/16';
export const API_SERVICE_IP = '10.96.0.1';
export const DNS_SERVICE_IP = '10.96.0.10';

/** Every change and read once, when it has been answered: the outside witness for who did what. */
export const AUDIT_POLICY = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
omitManagedFields: true
rules:
- level: Metadata
`;

/** Writes flags as arguments. */
export function toArguments(flags: Flags): string[] {
  return Object.entries(flags).map(([name, value]) => `--${name}=${String(value)}`);
}

/**
 * etcd for data that is thrown away: it never waits for the disk.
 * @param dataDir - its folder
 * @param address - host it listens on
 * @param ports - client and peer port
 */
export function etcdFlags(dataDir: string, address: string, ports: {client: number; peer: number}): Flags {
  const client = `http://${address}:${String(ports.client)}`;
  const peer = `http://${address}:${String(ports.peer)}`;
  return {
    name: 'default',
    'data-dir': dataDir,
    'unsafe-no-fsync': true,
    'listen-client-urls': client,
    'advertise-client-urls': client,
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': `default=${peer}`,
    'quota-backend-bytes': 8 * 1024 ** 3,
    'log-level': 'warn',
  };
}

export interface ApiServerOptions {
  readonly etcdUrl: string;
  readonly bindAddress: string;
  readonly port: number;
  readonly clientCaFile: string;
  readonly serving: KeyPair;
  readonly serviceAccount: {readonly privateKey: string; readonly publicKey: string};
  readonly auditPolicyFile: string;
  readonly auditLogFile: string;
}

/** The API server's flags that a bare control plane and a whole cluster share. */
export function apiServerFlags(options: ApiServerOptions): Flags {
  return {
    'etcd-servers': options.etcdUrl,
    'bind-address': options.bindAddress,
    'advertise-address': options.bindAddress,
    'secure-port': options.port,
    'tls-cert-file': options.serving.certFile,
    'tls-private-key-file': options.serving.keyFile,
    'client-ca-file': options.clientCaFile,
    'authorization-mode': 'Node,RBAC',
    'service-account-issuer': 'https://kubernetes.default.svc.cluster.local',
    'service-account-key-file': options.serviceAccount.publicKey,
    'service-account-signing-key-file': options.serviceAccount.privateKey,
    'service-cluster-ip-range': SERVICE_CIDR,
    'allow-privileged': true,
    'audit-policy-file': options.auditPolicyFile,
    'audit-log-path': options.auditLogFile,
    // One file for the whole run, in megabytes: a rotated log would hide what a test looks for.
    'audit-log-maxsize': 100_000,
  };
}

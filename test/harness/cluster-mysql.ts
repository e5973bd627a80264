import {createAuthority, issueServerCertificate} from '../../operator/src/act/pki.ts';
import type {World} from './world.ts';

const NAME = 'primary';
const PORT = 3306;
const SOCKET = '/run/mysqld/mysqld.sock';

/** A MySQL server in the cluster that the operator knows nothing of. */
export interface ClusterMysql {
  /** As pods reach it, and as its certificate has it. */
  readonly host: string;
  /** The authority that signed its certificate, PEM. */
  readonly authority: string;
  /** Runs statements as whoever owns the server; they go by standard input. @returns rows, without the names of columns */
  sql(statements: string): Promise<string[]>;
}

/**
 * Starts MySQL in a namespace, where it goes with it. Whatever is not encrypted is refused.
 *
 * @param statements - run before it lets anybody in, each a line
 */
export async function startClusterMysql(
  world: World,
  namespace: string,
  statements: readonly string[],
): Promise<ClusterMysql> {
  const host = `${NAME}.${namespace}.svc`;
  const now = new Date();
  const authority = await createAuthority(now);
  const server = await issueServerCertificate(authority, {dns: [host], ip: []}, now);
  const files = {
    'ca.crt': authority.certificate,
    'tls.crt': server.certificate,
    'tls.key': server.privateKey,
    'init.sql': statements.map((statement) => `${statement};\n`).join(''),
  };
  await world.apply(...manifests(namespace, world.images.mysql.ref, files));
  await world.kubectl(['wait', '-n', namespace, `pod/${NAME}`, '--for=condition=Ready', '--timeout=180s']);
  const mysql = ['mysql', `--socket=${SOCKET}`, '--user=root', '--default-character-set=utf8mb4', '-N', '-B'];
  return {
    host,
    authority: authority.certificate,
    sql: async (text) => {
      const answer = await world.kubectl(['exec', '-i', '-n', namespace, NAME, '--', ...mysql], text);
      return answer.split('\n').filter((line) => line !== '');
    },
  };
}

function manifests(namespace: string, image: string, files: Readonly<Record<string, string>>): object[] {
  const labels = {app: NAME};
  const settings = [
    ...['--no-defaults', '--datadir=/data/mysql', '--tmpdir=/tmp', `--socket=${SOCKET}`, '--pid-file=/run/mysqld/pid'],
    ...['--mysqlx=OFF', '--secure-file-priv=NULL', '--skip-name-resolve', '--innodb-buffer-pool-size=64M'],
  ];
  const tls = ['--ssl-ca=/files/ca.crt', '--ssl-cert=/files/tls.crt', '--ssl-key=/files/tls.key'];
  const serve = [...settings, ...tls, '--require-secure-transport=ON', '--init-file=/files/init.sql'];
  const mounts = {data: '/data', files: '/files', run: '/run/mysqld', tmp: '/tmp'};
  const spec = {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 0,
    securityContext: {
      ...{runAsNonRoot: true, runAsUser: 999, runAsGroup: 999, fsGroup: 999},
      seccompProfile: {type: 'RuntimeDefault'},
    },
    containers: [
      {
        name: NAME,
        image,
        command: ['sh', '-c'],
        args: [`mysqld ${settings.join(' ')} --initialize-insecure && exec mysqld ${serve.join(' ')}`],
        ports: [{containerPort: PORT}],
        readinessProbe: {tcpSocket: {port: PORT}, periodSeconds: 1},
        securityContext: {
          ...{allowPrivilegeEscalation: false, readOnlyRootFilesystem: true},
          capabilities: {drop: ['ALL']},
        },
        volumeMounts: Object.entries(mounts).map(([name, mountPath]) => ({name, mountPath})),
      },
    ],
    volumes: [
      {name: 'data', emptyDir: {sizeLimit: '1Gi'}},
      {name: 'files', secret: {secretName: NAME, defaultMode: 0o440}},
      {name: 'run', emptyDir: {}},
      {name: 'tmp', emptyDir: {}},
    ],
  };
  return [
    {apiVersion: 'v1', kind: 'Secret', metadata: {name: NAME, namespace}, stringData: files},
    {apiVersion: 'v1', kind: 'Pod', metadata: {name: NAME, namespace, labels}, spec},
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: {name: NAME, namespace},
      spec: {selector: labels, ports: [{port: PORT, targetPort: PORT}]},
    },
  ];
}

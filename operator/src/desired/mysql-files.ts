import {secretKeys} from './secret-keys.ts';

const configuration = '/etc/maintenance-api/mysql';
const tls = '/etc/maintenance-api/mysql-tls';
const run = '/run/mysqld';
const volume = '/var/lib/mysql';
const accounts = '/run/maintenance-api-accounts';

/** Where things are in the database's containers. */
export const mysqlFiles = {
  configuration,
  myCnf: `${configuration}/my.cnf`,
  initScript: `${configuration}/init.sh`,
  tls,
  certificates: {
    authority: `${tls}/${secretKeys.authority}`,
    certificate: `${tls}/${secretKeys.certificate}`,
    privateKey: `${tls}/${secretKeys.privateKey}`,
  },
  run,
  socket: `${run}/mysqld.sock`,
  pidFile: `${run}/mysqld.pid`,
  temporary: '/tmp',
  /** Root of the volume. The data is one folder below, beside `lost+found` and a data folder in the making. */
  volume,
  data: `${volume}/data`,
  /** In memory: what has passwords in it, written by the init container. */
  accounts,
  initFile: `${accounts}/init.sql`,
  /** How the readiness probe logs in. */
  probeFile: `${accounts}/probe.cnf`,
  passwords: '/etc/maintenance-api/passwords',
  state: '/etc/maintenance-api/state',
} as const;

import type {MaintenanceApiSpec, ManagedDatabase} from '../api/v1alpha1/index.ts';
import {initScript} from './mysql-init.ts';
import {mysqlFiles} from './mysql-files.ts';
import {ports} from './names.ts';
import {quantityValue} from './quantity.ts';
import {maxConnections} from './scaling.ts';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

/** What a server is taken to have where the spec sets neither a limit nor a request of memory. */
const ASSUMED_MEMORY = 512 * MIB;
/**
 * From this much memory on the server keeps its performance schema. Without it every figure that the operator reads is
 * there still (`performance_schema.global_status` needs none of it), and a small server has room for its data.
 */
const INSTRUMENTED_FROM = GIB;
/** Memory of a server apart from its buffer pool; measured with 9.7, the settings below and queries like the API's. */
const PLAIN = {base: 192 * MIB, connection: 512 * 1024};
const INSTRUMENTED = {base: 320 * MIB, connection: 768 * 1024};
/** The buffer pool grows by this much. */
const POOL_STEP = 16 * MIB;
const SMALLEST_POOL = 32 * MIB;

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}

/** Bytes as my.cnf takes them; every size here is a whole number of MiB. */
function mebibytes(bytes: number): string {
  return `${Math.floor(bytes / MIB)}M`;
}

/** Three quarters of what the server and its connections leave of the memory, shared by one instance a GiB. */
function bufferPool(memory: number, connections: number): {size: number; instances: number} {
  const {base, connection} = memory >= INSTRUMENTED_FROM ? INSTRUMENTED : PLAIN;
  const free = memory - base - connections * connection;
  const wanted = Math.max(free * 0.75, SMALLEST_POOL);
  const instances = clamp(Math.floor(wanted / GIB), 1, 8);
  // MySQL rounds up to a whole number of steps an instance: rounding down here keeps it inside the limit.
  const step = POOL_STEP * instances;
  return {size: Math.floor(wanted / step) * step, instances};
}

/**
 * my.cnf of the managed database, computed from its limits; the same file serves MySQL 8.4 and 9.7.
 *
 * Two settings are on the server's command line instead: `admin_address`, which only the pod knows, and `init_file`, which
 * would also count while the data folder is being made. `max_connections` follows the largest number of API pods. It can be set while the server runs, so a change of it alone
 * doesn't restart the database.
 */
export function myCnf(spec: MaintenanceApiSpec, {resources, storage}: ManagedDatabase): string {
  const limit = resources.limits?.memory ?? resources.requests?.memory;
  const memory = limit === undefined ? ASSUMED_MEMORY : quantityValue(limit);
  const volume = quantityValue(storage.size);
  const connections = maxConnections(spec);
  const pool = bufferPool(memory, connections);
  const {data, socket, temporary, certificates, pidFile} = mysqlFiles;
  const settings: readonly (readonly [string, string | number])[] = [
    ['datadir', data],
    ['socket', socket],
    ['pid_file', pidFile],
    ['tmpdir', temporary],
    ['secure_file_priv', 'NULL'],
    ['mysqlx', 'OFF'],
    ['default_time_zone', '+00:00'],
    ['server_id', 1],

    ['bind_address', '*'],
    ['port', ports.mysql],
    ['admin_port', ports.mysqlAdmin],
    ['create_admin_listener_thread', 'ON'],
    ['skip_name_resolve', 'ON'],
    ['max_connections', connections],

    ['require_secure_transport', 'ON'],
    ['tls_version', 'TLSv1.2,TLSv1.3'],
    ['ssl_ca', certificates.authority],
    ['ssl_cert', certificates.certificate],
    ['ssl_key', certificates.privateKey],
    ['admin_ssl_ca', certificates.authority],
    ['admin_ssl_cert', certificates.certificate],
    ['admin_ssl_key', certificates.privateKey],
    ['auto_generate_certs', 'OFF'],
    ['caching_sha2_password_auto_generate_rsa_keys', 'OFF'],

    // What was acknowledged survives a kill of the process and of the machine.
    // Nothing is logged by it; what is slower counts as a sign of saturation. The default, 10 s, is longer than any client
    // waits.
    ['long_query_time', 1],
    ['innodb_flush_log_at_trx_commit', 1],
    ['sync_binlog', 1],
    ['log_bin', 'binlog'],
    ['gtid_mode', 'ON'],
    ['enforce_gtid_consistency', 'ON'],
    ['max_binlog_size', mebibytes(clamp(volume / 32, 4 * MIB, GIB))],
    // Nothing reads the binary log yet; an hour of it keeps a small volume from filling up.
    ['binlog_expire_logs_seconds', 3600],

    ['innodb_buffer_pool_size', mebibytes(pool.size)],
    ['innodb_buffer_pool_chunk_size', mebibytes(POOL_STEP)],
    ['innodb_buffer_pool_instances', pool.instances],
    ['innodb_redo_log_capacity', mebibytes(clamp(volume / 8, 32 * MIB, 4 * GIB))],
    ['innodb_log_buffer_size', mebibytes(clamp(memory / 64, 8 * MIB, 64 * MIB))],
    // Only tables of the server's own, which it makes for itself, are in MyISAM.
    ['key_buffer_size', '16K'],
    ['performance_schema', memory >= INSTRUMENTED_FROM ? 'ON' : 'OFF'],
    // A count of each of five thousand errors for each thread, which nobody reads.
    ['performance_schema_error_size', 1],
    ['temptable_max_ram', mebibytes(clamp(memory / 16, 16 * MIB, GIB))],
    ['tmp_table_size', mebibytes(clamp(memory / 32, 8 * MIB, 64 * MIB))],
    ['table_open_cache', clamp(2 * connections, 400, 4000)],
    ['table_definition_cache', 400],
  ];
  return `[mysqld]\n${settings.map(([name, value]) => `${name} = ${value}\n`).join('')}`;
}

/** The first generation of what is mounted beside the server. There is no password in it: the script reads them where it runs. */
export function databaseFiles(spec: MaintenanceApiSpec, database: ManagedDatabase): Record<string, string> {
  return {'my.cnf': myCnf(spec, database), 'init.sh': initScript};
}

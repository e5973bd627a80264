/** How the init container's termination message begins when data is gone that once was there (invariant 9). */
export const DATA_MISSING_PREFIX = 'DataMissing:';

/** How it begins in every other case; the rest names what a person has to look at. */
const FAILED = 'InitFailed:';

/**
 * The init container's script, for any POSIX shell with GNU's or BusyBox' `mv` and `sync`. It is the same for every
 * resource and takes what differs from its environment:
 *
 * - DATA, the data folder on the volume; MY_CNF, the server's configuration; INIT_FILE and PROBE_FILE, what to write
 * - PASSWORDS, a folder with a file for each account; STATE, one with `server-uuid-<ordinal>` once it is known
 * - POD_NAME, which ends in the ordinal; DB_NAME, the schema, and DB_NAME_PATTERN, the same where wildcards count
 * - TERMINATION_LOG, the file whose content becomes the container's termination message
 */
export const initScript = `#!/bin/sh
# Prepares the volume and the accounts of a database pod. Safe to be killed at any instruction and run again.
set -eu
umask 077

fail() {
  printf '%s\\n' "$1" | tee "$TERMINATION_LOG" >&2
  exit 1
}

known=$STATE/server-uuid-\${POD_NAME##*-}

# The data folder appears under its name only when it is complete and on disk.
initialise() {
  rm -rf "$DATA.tmp"
  mysqld --defaults-file="$MY_CNF" --datadir="$DATA.tmp" --initialize-insecure ||
    fail "${FAILED} mysqld --initialize-insecure failed; the log of this container says why"
  sync -f "$DATA.tmp"
  mv -T "$DATA.tmp" "$DATA"
  sync -f "$DATA"
}

if [ -f "$DATA/auto.cnf" ]; then
  echo "Adopting the data that is there"
elif [ -s "$known" ]; then
  fail "${DATA_MISSING_PREFIX} the volume holds no data of server $(cat "$known"), which was initialised before; it is not initialised again"
elif [ -e "$DATA" ]; then
  fail "${FAILED} $DATA has no auto.cnf, so it was not made here; it is left untouched"
else
  echo "Initialising an empty volume"
  initialise
fi

password() {
  value=$(cat "$PASSWORDS/$1")
  case $value in
    '' | *[!A-Za-z0-9]*) fail "${FAILED} the password of $1 must be letters and digits" ;;
  esac
  printf %s "$value"
}

sql() {
  printf '%s;\\n' "$1"
}

# Makes the account $1 with password $2 what it should be, whatever it was. Nobody is let in before the file is through.
account() {
  sql "CREATE USER IF NOT EXISTS '$1'@'%' IDENTIFIED BY '$2' REQUIRE SSL"
  sql "ALTER USER '$1'@'%' IDENTIFIED BY '$2' REQUIRE SSL ACCOUNT UNLOCK"
  sql "REVOKE ALL PRIVILEGES, GRANT OPTION FROM '$1'@'%'"
}

# Assigned first: a failure inside a longer command would not end the script.
app=$(password app)
migrate=$(password migrate)
backup=$(password backup)
monitor=$(password monitor)
admin=$(password admin)
schema="\\\`$DB_NAME\\\`"
schema_pattern="\\\`$DB_NAME_PATTERN\\\`"

rm -f "$INIT_FILE" "$PROBE_FILE"
printf '%s\\n' '[client]' host=127.0.0.1 user=monitor "password=$monitor" ssl-mode=REQUIRED >"$PROBE_FILE"
{
  # Accounts are each server's own: they must not reach another one by the binary log.
  sql "SET sql_log_bin = 0"
  sql "CREATE DATABASE IF NOT EXISTS $schema"
  account app "$app"
  sql "GRANT SELECT, INSERT, UPDATE, DELETE ON $schema_pattern.* TO 'app'@'%'"
  account migrate "$migrate"
  sql "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES ON $schema_pattern.* TO 'migrate'@'%'"
  account backup "$backup"
  sql "GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON $schema_pattern.* TO 'backup'@'%'"
  sql "GRANT SHOW_ROUTINE ON *.* TO 'backup'@'%'"
  account monitor "$monitor"
  sql "GRANT PROCESS, SERVICE_CONNECTION_ADMIN ON *.* TO 'monitor'@'%'"
  sql "GRANT SELECT ON performance_schema.* TO 'monitor'@'%'"
  account admin "$admin"
  sql "GRANT CREATE USER, SERVICE_CONNECTION_ADMIN, CONNECTION_ADMIN, SYSTEM_VARIABLES_ADMIN ON *.* TO 'admin'@'%'"
  sql "ALTER USER 'root'@'localhost' ACCOUNT LOCK"
} >"$INIT_FILE"
`;

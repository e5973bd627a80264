/** Files in the folder that the two containers of a backup share. */
export const handover = {
  /** The FIFO that the dump goes through. */
  fifo: 'dump',
  /** Made by the stream program when it is ready for the dump. */
  start: 'start',
  /** Made by the stream program when there will be no dump. */
  stop: 'stop',
  /** What mysqldump wrote to its standard error. */
  errors: 'stderr',
  /** mysqldump's exit code, written when it has ended. */
  exit: 'exit',
} as const;

/**
 * The script of the container that has the database's own mysqldump, for any POSIX shell with mkfifo. From its
 * environment:
 *
 * - HANDOVER, the folder that both containers share; TMPDIR, one in memory for the credentials
 * - CREDENTIALS, a folder with `username` and `password`; CA_FILE, the authority's certificate
 * - DB_HOST, DB_PORT, DB_NAME, and SSL_MODE, one of mysqldump's (VERIFY_IDENTITY where unset)
 * - START_SECONDS, how long the other container is waited for
 *
 * GTID modes other than OFF run FLUSH TABLES, stall readers and break restores (measured). Masking policies belong to the
 * server, not to the schema; clients that don't know them skip the option.
 */
export const dumpScript = `#!/bin/sh
set -u
umask 007

cd "$HANDOVER" || exit 1
mkfifo ${handover.fifo}.tmp && mv ${handover.fifo}.tmp ${handover.fifo} || exit 1

deadline=$(($(date +%s) + \${START_SECONDS:-1800}))
until [ -e ${handover.start} ]; do
  [ -e ${handover.stop} ] && exit 1
  [ "$(date +%s)" -ge "$deadline" ] && exit 1
  # Not every sleep knows parts of a second.
  sleep 0.1 2>/dev/null || sleep 1
done

umask 077
options=$TMPDIR/client.cnf
printf '[client]\\nuser="%s"\\npassword="%s"\\n' "$(cat "$CREDENTIALS/username")" "$(cat "$CREDENTIALS/password")" >"$options"
umask 007

mysqldump --defaults-file="$options" --host="$DB_HOST" --port="$DB_PORT" --protocol=TCP \\
  --ssl-mode="\${SSL_MODE:-VERIFY_IDENTITY}" --ssl-ca="$CA_FILE" \\
  --single-transaction --set-gtid-purged=OFF --no-tablespaces --hex-blob --order-by-primary \\
  --routines --triggers --events --loose-skip-masking-policies \\
  "$DB_NAME" >${handover.fifo} 2>${handover.errors}
code=$?
# On a full disk an empty file is what can be told.
printf '%s\\n' "$code" >${handover.exit}.tmp
mv ${handover.exit}.tmp ${handover.exit}
exit "$code"
`;

/** How a backup's pod ends. */
export interface SimulatedBackup {
  readonly phase: 'Succeeded' | 'Failed';
  /** What its program says. @param uid - of the pod @param service - uid of the MaintenanceApi */
  readonly said?: (uid: string, service: string) => object;
  /** As the kubelet evicts it. */
  readonly evicted?: string;
}

/**
 * The status of a backup's pod, as a kubelet would write it.
 *
 * @param how - how it ends; undefined: it runs
 * @param uid - of the pod
 * @param environment - of its containers, which say for whom it is made
 */
export function backupStatus(
  how: SimulatedBackup | undefined,
  uid: string,
  environment: readonly {readonly name: string; readonly value?: string}[],
): object {
  const startTime = `${new Date().toISOString().slice(0, 19)}Z`;
  if (how === undefined) return {phase: 'Running', startTime};
  const {phase, said, evicted} = how;
  const exitCode = phase === 'Succeeded' ? 0 : 1;
  const end = {exitCode, reason: exitCode === 0 ? 'Completed' : 'Error', startedAt: startTime, finishedAt: startTime};
  const service = environment.find(({name}) => name === 'BACKUP_UID')?.value ?? '';
  const message = said === undefined ? {} : {message: `${JSON.stringify(said(uid, service))}\n`};
  const container = (name: string, more: object): object => ({
    ...{name, image: 'example/any:1', imageID: 'sha256:0', restartCount: 0, ready: false, started: false},
    state: {terminated: {...end, ...more}},
  });
  return {
    ...{phase, startTime},
    ...(evicted !== undefined && {reason: 'Evicted', message: evicted}),
    containerStatuses: [container('mysqldump', {}), container('backup', message)],
  };
}

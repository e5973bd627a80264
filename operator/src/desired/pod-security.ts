/** What Pod Security `restricted` asks of a pod that runs as the given user and group. */
export function podSecurity(user: number): {
  runAsNonRoot: true;
  runAsUser: number;
  runAsGroup: number;
  fsGroup: number;
  seccompProfile: {type: 'RuntimeDefault'};
} {
  return {
    runAsNonRoot: true,
    runAsUser: user,
    runAsGroup: user,
    fsGroup: user,
    seccompProfile: {type: 'RuntimeDefault'},
  };
}

/** What Pod Security `restricted` asks of a container, and a root file system that can't be written. */
export const containerSecurity = {
  allowPrivilegeEscalation: false,
  capabilities: {drop: ['ALL']},
  readOnlyRootFilesystem: true,
};

/** Mode of a mounted Secret's files: readable by the pod's user and group only. In decimal, as JSON has it. */
export const SECRET_MODE = 0o440;

/** `npm run operator`: runs the operator from this checkout against the cluster that KUBECONFIG (or ~/.kube/config) names. */
import {spawn} from 'node:child_process';
import {fileURLToPath} from 'node:url';

const main = fileURLToPath(new URL('../operator/src/main.ts', import.meta.url));
const child = spawn(process.execPath, [main, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: {...process.env, POD_NAMESPACE: process.env['POD_NAMESPACE'] ?? 'default'},
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === null ? 0 : 1);
});

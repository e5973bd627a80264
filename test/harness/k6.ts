import {fileURLToPath} from 'node:url';
import {findProgram} from '../../hack/lib/apt.ts';
import {buildGo, type GoProgram} from '../../hack/lib/go.ts';
import type {Progress} from '../../hack/lib/progress.ts';

const K6: GoProgram = {
  name: 'k6',
  module: fileURLToPath(new URL('../load-testing/go', import.meta.url)),
  path: 'go.k6.io/k6',
  purpose: 'builds k6, which runs the load tests',
};

/** The path of k6: this machine's own, else one built from its module, which takes minutes once. */
export async function k6Program(progress: Progress): Promise<string> {
  return (await findProgram('k6')) ?? buildGo(K6, progress);
}

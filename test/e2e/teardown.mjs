import {execFileSync} from 'node:child_process';
import {join} from 'node:path';

export default () => {
  execFileSync(process.execPath, [join(import.meta.dirname, 'cluster.ts'), 'down'], {stdio: 'inherit'});
};

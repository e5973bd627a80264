import {execFileSync} from 'node:child_process';
import {join} from 'node:path';

// A process of its own: Jest loads what it loads itself through its transformer, which these modules don't need.
export default () => {
  execFileSync(process.execPath, [join(import.meta.dirname, 'prepare.ts')], {stdio: 'inherit'});
};

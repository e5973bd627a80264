// After SIGWINCH (a signal that the API doesn't take for its end) a pod loses 256 KiB a second, for good: at a limit of
// 128 MiB it comes near in about two minutes, and is killed a few minutes later.
import {Buffer} from 'node:buffer';
import {setInterval} from 'node:timers';

const BYTES = 256 * 1024;
const kept = [];

process.on('SIGWINCH', () => {
  // Memory counts once it was written to.
  setInterval(() => kept.push(Buffer.alloc(BYTES, 1)), 1000).unref();
});

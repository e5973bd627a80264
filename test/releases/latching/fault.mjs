// After SIGWINCH (a signal that the API doesn't take for its end) a pod is not ready any more, for good: it lives,
// serves what reaches it, and answers its metrics.
import {ServerResponse} from 'node:http';

const writeHead = ServerResponse.prototype.writeHead;
let latched = false;
process.on('SIGWINCH', () => {
  latched = true;
});

ServerResponse.prototype.writeHead = function (status, ...rest) {
  const isReadiness = this.req.url?.startsWith('/health/ready') === true;
  return writeHead.call(this, latched && isReadiness ? 503 : status, ...rest);
};

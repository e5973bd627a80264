// Every fifth answer of the API becomes a 500, as the client and the server's own metrics see it.
import {ServerResponse} from 'node:http';

const writeHead = ServerResponse.prototype.writeHead;
let answers = 0;

ServerResponse.prototype.writeHead = function (status, ...rest) {
  if (this.req.url?.startsWith('/api/') !== true) return writeHead.call(this, status, ...rest);
  answers += 1;
  return writeHead.call(this, answers % 5 === 0 ? 500 : status, ...rest);
};

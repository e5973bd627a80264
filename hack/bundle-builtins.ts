import {isBuiltin} from 'node:module';
import type {Plugin} from 'esbuild';

/** Modules of Node.js that dependencies ask for when they start and that few programs ever use. */
const SELDOM_USED = new Set(['node:http2']);

const NAMESPACE = 'node-builtin';

/**
 * Has a bundle load as little of Node.js as it uses, which is resident memory that each process has for itself.
 *
 * An `import` of one of its modules reads everything that the module exports, also what the module would only load when it
 * is asked for: to import `node:http` loads the whole of undici, for `WebSocket`. A process that does nothing else has 57 MiB
 * resident then, and 44 with `require`, which reads nothing. So every import becomes a `require`; and the modules that are
 * seldom used are loaded when something of them is read.
 */
export const lateBuiltins: Plugin = {
  name: 'late-builtins',
  setup(build) {
    build.onResolve({filter: /^(node:)?[a-z0-9_]+(\/[a-z0-9_]+)*$/}, ({path, kind, namespace}) => {
      if (namespace === NAMESPACE || !isBuiltin(path)) return undefined;
      const name = path.startsWith('node:') ? path : `node:${path}`;
      if (kind === 'import-statement') return {path: name, namespace: NAMESPACE, pluginData: 'at once'};
      if (kind === 'require-call' && SELDOM_USED.has(name)) {
        return {path: name, suffix: '?late', namespace: NAMESPACE, pluginData: 'late'};
      }
      return undefined;
    });
    build.onLoad({filter: /.*/, namespace: NAMESPACE}, ({path, pluginData}) => ({
      contents: pluginData === 'late' ? late(path) : `module.exports = require('${path}');`,
    }));
  },
};

function late(path: string): string {
  return `module.exports = new Proxy({}, {get: (_target, name) => require('${path}')[name]});`;
}

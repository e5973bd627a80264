/** Preloaded (`node --import`), it makes an operator that runs from source the next one. */
import {registerHooks} from 'node:module';
import {fileURLToPath, pathToFileURL} from 'node:url';
import {inPlaceOf} from './generation.ts';

const pathOf = (url: string | undefined): string => (url?.startsWith('file:') === true ? fileURLToPath(url) : '');

registerHooks({
  resolve: (specifier, context, nextResolve) => {
    const resolved = nextResolve(specifier, context);
    const other = inPlaceOf(pathOf(resolved.url), pathOf(context.parentURL));
    return other === undefined ? resolved : {...resolved, url: pathToFileURL(other).href};
  },
});

import {operatorImage, type Image} from '../../../hack/images/index.ts';
import type {Progress} from '../../../hack/lib/progress.ts';
import {inPlaceOf} from './generation.ts';

/** The image of the next operator: this one's sources, with one more generation of templates. */
export async function nextOperatorImage(progress: Progress): Promise<Image> {
  return operatorImage(progress, [
    {
      name: 'next-operator',
      setup: ({onResolve, resolve}) => {
        onResolve({filter: /\/templates\.ts$/}, async ({path, importer, resolveDir, kind, pluginData}) => {
          if (pluginData === 'resolved') return undefined;
          const found = await resolve(path, {importer, resolveDir, kind, pluginData: 'resolved'});
          const other = inPlaceOf(found.path, importer);
          return other === undefined ? found : {path: other};
        });
      },
    },
  ]);
}

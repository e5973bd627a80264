/**
 * What takes the place of operator/src/desired/templates.ts in a next operator: the generations that there are, and one
 * more whose pods differ from the last one's by an annotation.
 */
import {templates as released, type Templates} from '../../../operator/src/desired/templates.ts';
import {GENERATION} from './generation.ts';

const newest = Math.max(...Object.keys(released).map(Number));
const last = released[newest];
if (last === undefined) throw new Error('there are no templates');
const {apiPod, databasePod, databaseFiles} = last;

type Template = ReturnType<Templates['apiPod']>;

function changed(template: Template): Template {
  const annotations = {...template.metadata?.annotations, [GENERATION]: String(newest + 1)};
  return {...template, metadata: {...template.metadata, annotations}};
}

export const templates: Readonly<Record<number, Templates>> = {
  ...released,
  [newest + 1]: {
    apiPod: (name, revision) => changed(apiPod(name, revision)),
    databasePod: (name, spec, database) => changed(databasePod(name, spec, database)),
    databaseFiles,
  },
};

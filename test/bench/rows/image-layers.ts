import {nodeBaseImage, operatorImage} from '../../../hack/images/index.ts';
import {layersAbove} from '../layers.ts';
import type {Row} from '../row.ts';

const MEGABYTE = 1e6;
const GOAL_BYTES = 20 * MEGABYTE;
const megabytes = (bytes: number): string => `${(bytes / MEGABYTE).toFixed(1)} MB`;

/** What a registry would have to store for the operator beside its base: gzip of the layers that the base hasn't. */
export const imageLayers: Row = {
  name: 'image',
  title: "compressed layers of the operator's image above Debian + Node + CA certificates",
  goal: '≤ 20 MB',
  measure: async ({progress}) => {
    const [image, base] = [await operatorImage(progress), await nodeBaseImage(progress)];
    const {count, compressedBytes, bytes} = await layersAbove(image.archive, base.archive);
    if (count === 0) throw new Error(`${image.ref} has no layer of its own`);
    return {
      text: `${megabytes(compressedBytes)} (${count} ${count === 1 ? 'layer' : 'layers'}, ${megabytes(bytes)} unpacked)`,
      isMet: compressedBytes <= GOAL_BYTES,
    };
  },
};

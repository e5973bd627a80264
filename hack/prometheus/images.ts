import {chmod, copyFile, mkdir, rm} from 'node:fs/promises';
import {basename, dirname, join} from 'node:path';
import {readImage, writeImage, type Image} from '../images/archive.ts';
import {cached} from '../lib/cache.ts';
import type {Progress} from '../lib/progress.ts';
import {configReloader, prometheus, prometheusOperator} from './programs.ts';

/** What a cluster needs to run Prometheus by its operator. */
export interface PrometheusImages {
  readonly prometheus: Image;
  readonly operator: Image;
  readonly reloader: Image;
}

/** An image with nothing but Prometheus in it. The first call builds it, which takes minutes. */
async function prometheusImage(progress: Progress): Promise<Image> {
  return image('prometheus', await prometheus(progress), progress);
}

/** Puts each program into an image of its own with nothing else in it. The first call builds them, which takes minutes. */
export async function prometheusImages(progress: Progress): Promise<PrometheusImages> {
  return {
    prometheus: await prometheusImage(progress),
    operator: await image('prometheus-operator', await prometheusOperator(progress), progress),
    reloader: await image('prometheus-config-reloader', await configReloader(progress), progress),
  };
}

/** @param program - path of the program, whose folder is named after what it was built from */
async function image(name: string, program: string, progress: Progress): Promise<Image> {
  const entry = await cached(`image-${name}/${basename(dirname(program))}`, async (directory) =>
    progress.run(`image ${name}`, async () => {
      const layer = join(directory, 'layer');
      // Where the Prometheus operator looks for it.
      const file = join(layer, 'bin', name);
      await mkdir(dirname(file), {recursive: true});
      await copyFile(program, file);
      await chmod(file, 0o755);
      const labels = {'org.opencontainers.image.title': name};
      await writeImage(directory, {name, layers: [layer], entrypoint: [`/bin/${name}`], env: [], labels});
      await rm(layer, {recursive: true});
    }),
  );
  return readImage(entry);
}

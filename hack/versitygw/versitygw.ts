import {join} from 'node:path';
import {buildGo, type GoProgram} from '../lib/go.ts';
import type {Progress} from '../lib/progress.ts';

const VERSITYGW: GoProgram = {
  name: 'versitygw',
  module: join(import.meta.dirname, 'go'),
  path: 'github.com/versity/versitygw/cmd/versitygw',
  purpose: 'builds versitygw, the S3 server that backups are tried against',
};

/** The path of an S3 server that keeps objects as files, built from its module, which takes minutes on 2 cores once. */
export async function versitygw(progress: Progress): Promise<string> {
  return buildGo(VERSITYGW, progress);
}

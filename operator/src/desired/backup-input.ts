import type {BackupInput, DesiredInput} from './objects.ts';

/** What a backup is made of; undefined while none is wanted, or image or key aren't known. */
export function backupInputOf({
  api,
  backupImage,
  backupKey,
}: Pick<DesiredInput, 'api' | 'backupImage' | 'backupKey'>): BackupInput | undefined {
  const {backup} = api.spec;
  const keyId = backup?.encryption?.activeKey ?? backupKey;
  if (backup === undefined || backupImage === undefined || keyId === undefined) return undefined;
  return {api, backup, image: backupImage, keyId};
}

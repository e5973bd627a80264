/** Has what many test files need, and a new machine has not: their own time limits begin when it is there. */
import {requirePrograms} from '../../hack/lib/apt.ts';
import {createProgress} from '../../hack/lib/progress.ts';
import {schemathesis} from '../../hack/schemathesis/schemathesis.ts';
import {templateDataFolder} from '../harness/mysql-programs.ts';

const progress = createProgress();
await requirePrograms([{file: 'curl', debianPackage: 'curl', purpose: "the API's page asks by it"}], progress);
await templateDataFolder(progress);
await schemathesis(progress);

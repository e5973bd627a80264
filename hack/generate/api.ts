import {OPERATIONS, problemsOf, SCHEMAS, type Operation} from '../../api-server/src/openapi/operations.ts';
import {API_PATH, openApiDocument} from '../../api-server/src/openapi/document.ts';
import {describeProblem, PROBLEM_CODES} from '../../api-server/src/problems.ts';
import {EXAMPLES, type Example} from './api-examples.ts';
import {cell, code, page, table} from './markdown.ts';

/** What is used of a JSON Schema. */
interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly format?: string;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxLength?: number;
  readonly default?: unknown;
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly description?: string;
  readonly schema: JsonSchema;
}

interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, {readonly parameters: readonly Parameter[]}>>>>;
  readonly components: {readonly schemas: Readonly<Record<string, JsonSchema>>};
}

/** The reference of the tasks API: docs/API.md. */
export function apiPage(): string {
  const document = openApiDocument('0.0.0') as unknown as ApiDocument;
  return page(
    'The tasks API',
    'api-server/src/openapi',
    `Tasks over HTTP and JSON, below \`${API_PATH}\`. The service describes itself as OpenAPI 3.1 at ` +
      `\`${API_PATH}/openapi.json\`, which needs no token.`,
    '## What holds everywhere',
    CONVENTIONS,
    '## A walk through',
    'The examples need the address of the service and a token of its file of tokens:',
    `\`\`\`bash\nexport API=http://localhost:8080${API_PATH}\nexport TOKEN=…\n\`\`\``,
    'Each shows the beginning of the answer, where `…` stands for what differs, and its status.',
    ...EXAMPLES.flatMap(exampleBlocks),
    '## Operations',
    ...OPERATIONS.flatMap((operation) => operationBlocks(operation, document)),
    '## Schemas',
    ...Object.keys(SCHEMAS).flatMap((name) => schemaBlocks(name, document.components.schemas[name] ?? {})),
    '## Problems',
    'A client goes by `code`, which keeps its meaning and its status.',
    table(
      ['Code', 'Status', 'Meaning'],
      PROBLEM_CODES.map((name) => [
        code(name),
        String(describeProblem(name).status),
        cell(describeProblem(name).title),
      ]),
    ),
  );
}

const CONVENTIONS = [
  '- **Tokens**: every request but that for the description carries `Authorization: Bearer <token>`.',
  '- **Problems**: what goes wrong is answered as `application/problem+json` (RFC 9457), with a `code` from the table ' +
    'below and, for a request that is not valid, `errors` with a pointer to each field that is wrong.',
  '- **Versions**: a task has an entity tag. Sent back in `If-Match`, it makes a change happen only if nobody else ' +
    'changed the task meanwhile; else the answer is 412 with the present tag.',
  '- **Once**: a creation with an `Idempotency-Key` can be sent again, at once or within a day, and happens once. ' +
    'Without one, a lost answer leaves open whether the task was made.',
  '- **Times** are RFC 3339. They are taken with any offset and to the millisecond, and answered in UTC.',
  '- **Pages**: every list is bounded. `nextCursor` leads to the next page; null says that there is none.',
  '- **Trouble**: 503 says in `Retry-After` when to try again. `overloaded` did nothing; after `database-unavailable` a ' +
    'change may or may not have happened.',
  '- **Names**: `X-Request-Id` in a request is taken over, and is in the answer and in the logs.',
].join('\n');

function operationOf(id: string): Operation {
  const operation = OPERATIONS.find(({operationId}) => operationId === id);
  if (operation === undefined) throw new Error(`An example is of the operation ${id}, which does not exist`);
  return operation;
}

function exampleBlocks(example: Example): readonly string[] {
  return [
    example.text,
    `\`\`\`sh\n${commandOf(example, operationOf(example.operationId))}\n\`\`\``,
    `\`\`\`text\n${example.shown.join('\n')}\n\`\`\``,
  ];
}

function commandOf(example: Example, operation: Operation): string {
  const {query = '', headers = [], keepsTask = false} = example;
  const body = example.body ?? operation.body?.example;
  const method = operation.method === 'get' ? [] : [`-X ${operation.method.toUpperCase()}`];
  const lines = [
    [
      'curl -sS',
      String.raw`-w '\n%{http_code}\n'`,
      ...method,
      `"$API${operation.path.replace('{id}', '$TASK')}${query}"`,
    ],
    ['-H "Authorization: Bearer $TOKEN"', ...headers.map((header) => `-H '${header}'`)],
    ...(body === undefined ? [] : [["-H 'Content-Type: application/json'"], [`-d '${JSON.stringify(body)}'`]]),
  ].map((words) => words.join(' '));
  const command = lines.join(' \\\n  ');
  if (!keepsTask) return command;
  return `${command} | tee answer.txt\nTASK=$(sed -n 's/^{"id":"\\([^"]*\\)".*/\\1/p' answer.txt)`;
}

function operationBlocks(operation: Operation, document: ApiDocument): readonly string[] {
  const {method, path, summary, description, success, body} = operation;
  const parameters = document.paths[path]?.[method]?.parameters ?? [];
  const answers = [
    [
      String(success.status),
      cell(success.description) + (success.schema === undefined ? '' : ` ${linkTo(success.schema)}`),
    ],
    ...problemsOf(operation).map((name) => [
      String(describeProblem(name).status),
      `${code(name)}: ${cell(describeProblem(name).title)}`,
    ]),
  ].sort(([a = ''], [b = '']) => (a < b ? -1 : a > b ? 1 : 0));
  return [
    `### ${summary}`,
    `\`${method.toUpperCase()} ${API_PATH}${path}\``,
    description,
    ...(parameters.length === 0
      ? []
      : [
          table(
            ['Parameter', 'In', 'Type', 'Meaning'],
            parameters.map(({name, in: where, schema, description: about = ''}) => [
              code(name),
              where,
              typeOf(schema),
              cell(about),
            ]),
          ),
        ]),
    ...(body === undefined ? [] : [`Body: ${linkTo(body.schema)}.`]),
    table(['Status', 'Answer'], answers),
  ];
}

function schemaBlocks(name: string, {description = '', properties = {}, required = []}: JsonSchema): readonly string[] {
  return [
    `### ${name}`,
    description,
    table(
      ['Field', 'Type', 'Meaning'],
      Object.entries(properties).map(([field, schema]) => [
        code(field) + (required.includes(field) ? '' : ' (optional)'),
        typeOf(schema),
        cell(schema.description ?? ''),
      ]),
    ),
  ];
}

function typeOf(schema: JsonSchema): string {
  const {$ref, type, items, enum: values, properties} = schema;
  if ($ref !== undefined) return linkTo($ref.split('/').at(-1) ?? '');
  const fields = Object.entries(properties ?? {}).map(([name, field]) => `${code(name)} (${typeOf(field)})`);
  const words = [
    values === undefined ? [type ?? 'any'].flat().join(' or ') : values.map(code).join(', '),
    items === undefined ? '' : `of ${typeOf(items)}`,
    fields.length === 0 ? '' : `with ${fields.join(', ')}`,
    ...boundsOf(schema),
  ];
  return words.filter((word) => word !== '').join(' ');
}

function boundsOf({format = '', maxLength, minimum, maximum, maxItems, default: usual}: JsonSchema): readonly string[] {
  return [
    format,
    maxLength === undefined ? '' : `≤ ${maxLength} characters`,
    maxItems === undefined ? '' : `≤ ${maxItems}`,
    minimum === undefined || maximum === undefined ? '' : `${minimum} to ${maximum}`,
    usual === undefined ? '' : `default ${code(JSON.stringify(usual))}`,
  ];
}

function linkTo(name: string): string {
  return `[${name}](#${name.toLowerCase()})`;
}

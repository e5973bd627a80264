import {describeProblem, PROBLEM_CODES, PROBLEM_MEDIA_TYPE, type ProblemCode} from '../problems.ts';
import {OPERATIONS, problemsOf, SCHEMAS, type Operation, type Schema} from './operations.ts';

/** Anything that JSON can say. */
type Json = string | number | boolean | null | readonly Json[] | {readonly [name: string]: Json};
type JsonObject = Readonly<Record<string, Json>>;

/** Where the API is, below the address of the service. */
export const API_PATH = '/api/v1';

const PROBLEM_SCHEMA: JsonObject = {
  type: 'object',
  description: 'A problem of RFC 9457. `code` is what a program goes by.',
  required: ['type', 'title', 'status', 'code'],
  properties: {
    type: {type: 'string', pattern: '^urn:maintenance-api:problem:'},
    title: {type: 'string'},
    status: {type: 'integer'},
    code: {type: 'string', enum: [...PROBLEM_CODES]},
    detail: {type: 'string'},
    requestId: {type: 'string', description: 'Names the request when one asks for help.'},
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['pointer', 'message'],
        properties: {
          pointer: {type: 'string', description: 'Where: a JSON pointer (RFC 6901) into the body or the query.'},
          message: {type: 'string', description: 'What must be so.'},
        },
      },
    },
    from: {type: 'string', description: 'transition-refused: the status that the task has.'},
    to: {type: 'string', description: 'transition-refused: the status asked for.'},
    allowed: {type: 'array', items: {type: 'string'}, description: 'transition-refused: the statuses that may follow.'},
  },
};

const HEADERS: Readonly<Record<string, JsonObject>> = {
  ETag: {description: "The version's entity tag, for If-Match.", schema: {type: 'string'}, example: '"1"'},
  Location: {description: 'The path of the new task.', schema: {type: 'string'}},
  'X-Request-Id': {description: "The request's id: the client's own, or a new one.", schema: {type: 'string'}},
  'Retry-After': {description: 'Seconds after which to try again.', schema: {type: 'string'}},
  'WWW-Authenticate': {description: 'What is asked for (RFC 6750).', schema: {type: 'string'}},
};

const REQUEST_HEADERS: Readonly<Record<string, JsonObject>> = {
  'If-Match': {
    description:
      'Entity tags, such as "1": do it only if the task has one of them. Without it, or with *, in any case.',
    schema: {
      type: 'string',
      anyOf: [
        {type: 'string', enum: ['*']},
        {type: 'string', pattern: '^(W/)?"[!#-~]*"(, ?(W/)?"[!#-~]*")*$'},
      ],
    },
  },
  'Idempotency-Key': {
    description: 'A name for this wish, made up by the client; no two clients share one.',
    schema: {type: 'string', pattern: '^[!-~]{1,255}$'},
  },
};

/** What a text in the query stands for, said as the type that a client has for it. */
const QUERY_TYPES: Readonly<Record<string, JsonObject>> = {
  limit: {type: 'integer', minimum: 1, maximum: 100, default: 20, description: 'How many at most.'},
};

/**
 * The API as an OpenAPI 3.1 document, made of the schemas that requests are validated by and answers are written by.
 *
 * @param version of the release.
 */
export function openApiDocument(version: string): JsonObject {
  const paths: Record<string, Record<string, JsonObject>> = {};
  for (const operation of OPERATIONS) {
    (paths[operation.path] ??= {})[operation.method] = operationObject(operation);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Maintenance API',
      version,
      description: 'Tasks of maintenance: what is to be done, by whom, when, and how often.',
      license: {name: 'Apache-2.0', identifier: 'Apache-2.0'},
    },
    servers: [{url: API_PATH}],
    security: [{bearer: []}],
    tags: [{name: 'tasks'}],
    paths,
    components: {
      schemas: {
        ...Object.fromEntries(Object.entries(SCHEMAS).map(([name, schema]) => [name, jsonOf(schema, schema)])),
        Problem: PROBLEM_SCHEMA,
      },
      headers: HEADERS,
      securitySchemes: {bearer: {type: 'http', scheme: 'bearer'}},
    },
  };
}

function operationObject(operation: Operation): JsonObject {
  const {operationId, summary, description, body} = operation;
  return {
    operationId,
    summary,
    description,
    tags: ['tasks'],
    parameters: [...parameters(operation)],
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: {'application/json': {schema: refTo(body.schema), example: jsonOf(body.example)}},
          },
        }),
    responses: {...success(operation), ...failures(problemsOf(operation))},
  };
}

function* parameters({path, query, headers = []}: Operation): Generator<JsonObject> {
  if (path.includes('{id}')) {
    yield {name: 'id', in: 'path', required: true, schema: {type: 'string', format: 'uuid'}};
  }
  for (const [name, schema] of Object.entries(query?.properties ?? {})) {
    const {description = '', ...rest} = (QUERY_TYPES[name] ?? jsonOf(schema)) as {description?: string};
    yield {name, in: 'query', description, schema: rest};
  }
  for (const name of headers) yield {name, in: 'header', ...REQUEST_HEADERS[name]};
}

function success({success: {status, description, schema, headers = [], links}}: Operation): JsonObject {
  return {
    [String(status)]: {
      description,
      headers: headerRefs([...headers, 'X-Request-Id']),
      ...(schema === undefined ? {} : {content: {'application/json': {schema: refTo(schema)}}}),
      ...(links === undefined ? {} : {links: jsonOf(links)}),
    },
  };
}

function failures(codes: readonly ProblemCode[]): JsonObject {
  const byStatus = Object.groupBy(codes, (code) => String(describeProblem(code).status));
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, together = []]) => [
      status,
      {
        description: together.map((code) => `${code}: ${describeProblem(code).title}.`).join(' '),
        headers: headerRefs(failureHeaders(status)),
        content: {[PROBLEM_MEDIA_TYPE]: {schema: refTo('Problem')}},
      },
    ]),
  );
}

function failureHeaders(status: string): readonly string[] {
  switch (status) {
    case '401':
      return ['X-Request-Id', 'WWW-Authenticate'];
    case '412':
      return ['X-Request-Id', 'ETag'];
    case '503':
      return ['X-Request-Id', 'Retry-After'];
    // Refused before there was a request to give an id to.
    case '408':
    case '431':
      return [];
    default:
      return ['X-Request-Id'];
  }
}

function headerRefs(names: readonly string[]): JsonObject {
  return Object.fromEntries(names.map((name) => [name, {$ref: `#/components/headers/${name}`}]));
}

function refTo(name: keyof typeof SCHEMAS | 'Problem'): JsonObject {
  return {$ref: `#/components/schemas/${name}`};
}

/** A copy in plain JSON, with references where a named schema stands inside of another. */
function jsonOf(value: unknown, itself?: Schema): Json {
  if (typeof value !== 'object' || value === null) return value as Json;
  const named = Object.entries(SCHEMAS).find(([, schema]) => schema === value && schema !== itself);
  if (named !== undefined) return refTo(named[0] as keyof typeof SCHEMAS);
  if (Array.isArray(value)) return value.map((item) => jsonOf(item, itself));
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, jsonOf(field, itself)]));
}

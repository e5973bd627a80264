import type {ProblemCode} from '../problems.ts';
import {
  BulkCreatedSchema,
  BulkCreateSchema,
  CreateTaskSchema,
  HistoryPageSchema,
  ListQuerySchema,
  PageQuerySchema,
  PatchTaskSchema,
  TaskPageSchema,
  TaskSchema,
} from '../tasks/schema.ts';

/** A JSON Schema: the very object that requests are validated by, or answers written by. */
export type Schema = object;

/** The schemas that the document names; wherever one stands inside another, it is referred to. */
export const SCHEMAS = {
  Task: TaskSchema,
  CreateTask: CreateTaskSchema,
  PatchTask: PatchTaskSchema,
  BulkCreate: BulkCreateSchema,
  BulkCreated: BulkCreatedSchema,
  TaskPage: TaskPageSchema,
  HistoryPage: HistoryPageSchema,
} as const;

/** Where one may go on from an answer: parameters of another operation, found in this one's answer or request. */
export interface Link {
  readonly operationId: string;
  readonly description: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** One operation of the API, as its users see it. */
export interface Operation {
  readonly method: 'get' | 'post' | 'patch' | 'delete';
  /** Below the server's URL, with `{id}` for the task's id. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly query?: {readonly properties: Readonly<Record<string, Schema>>};
  readonly headers?: readonly ('If-Match' | 'Idempotency-Key')[];
  readonly body?: {readonly schema: keyof typeof SCHEMAS; readonly example: object};
  readonly success: {
    readonly status: 200 | 201 | 204;
    readonly description: string;
    readonly schema?: keyof typeof SCHEMAS;
    readonly headers?: readonly ('ETag' | 'Location')[];
    readonly links?: Readonly<Record<string, Link>>;
  };
  /** The problems that are this operation's own, besides those of `problemsOf`. */
  readonly problems: readonly ProblemCode[];
}

/** Problems that any operation may answer with. */
const ALWAYS: readonly ProblemCode[] = [
  'invalid-request',
  'unauthorized',
  'insufficient-scope',
  'request-timeout',
  'path-too-long',
  'rate-limited',
  'headers-too-large',
  'internal',
  'overloaded',
  'database-unavailable',
];
/** A body is read wherever one is sent, also where none is asked for. */
const CHANGING: readonly ProblemCode[] = ['malformed-body', 'body-too-large', 'unsupported-media-type', 'read-only'];

/** Every problem that an operation may answer with. */
export function problemsOf({method, headers = [], problems}: Operation): readonly ProblemCode[] {
  return [
    ...ALWAYS,
    ...(method === 'get' ? [] : CHANGING),
    ...(headers.includes('If-Match') ? (['invalid-if-match', 'precondition-failed'] as const) : []),
    ...(headers.includes('Idempotency-Key') ? (['invalid-idempotency-key', 'idempotency-key-reused'] as const) : []),
    ...problems,
  ];
}

/** Links to all that can be done with a task whose id is at a place. */
function linksTo(id: string): Readonly<Record<string, Link>> {
  const link = (operationId: string, description: string): Link => ({operationId, description, parameters: {id}});
  return {
    get: link('getTask', 'Read the task.'),
    patch: link('patchTask', 'Change the task.'),
    delete: link('deleteTask', 'Delete the task.'),
    restore: link('restoreTask', 'Restore the task once it is deleted.'),
    history: link('getTaskHistory', 'Read what was changed.'),
  };
}

const OF_THE_TASK = linksTo('$response.body#/id');
const NEXT_PAGE = {cursor: '$response.body#/nextCursor'};

const EXAMPLE = {
  title: 'Grease the pump',
  description: 'Both bearings.',
  priority: 'high',
  dueAt: '2199-03-01T09:00:00+01:00',
  assignee: 'zoe',
  labels: ['pump', 'area-3'],
  recurrence: {rule: 'FREQ=MONTHLY;BYDAY=1FR', timeZone: 'Europe/Paris'},
};

export const OPERATIONS: readonly Operation[] = [
  {
    method: 'post',
    path: '/tasks',
    operationId: 'createTask',
    summary: 'Create a task',
    description:
      'Makes a task. With an `Idempotency-Key` the same request may be sent again, within a day at least: it makes the ' +
      'task once and is answered the same each time.',
    headers: ['Idempotency-Key'],
    body: {schema: 'CreateTask', example: EXAMPLE},
    success: {
      status: 201,
      description: 'The new task.',
      schema: 'Task',
      headers: ['Location', 'ETag'],
      links: OF_THE_TASK,
    },
    problems: ['recurrence-refused'],
  },
  {
    method: 'post',
    path: '/tasks/bulk',
    operationId: 'createTasks',
    summary: 'Create many tasks',
    description:
      'Makes up to 100 tasks, all or none, in at most 512 KiB. Where something is wrong, `errors` names it for each task ' +
      'by its place, such as `/tasks/3/title`. An `Idempotency-Key` works as for one task.',
    headers: ['Idempotency-Key'],
    body: {
      schema: 'BulkCreate',
      example: {
        tasks: [
          {title: 'Check the valves', labels: ['area-3']},
          {title: 'Order gaskets', priority: 'low'},
        ],
      },
    },
    success: {
      status: 201,
      description: 'The new tasks, in the order of the request.',
      schema: 'BulkCreated',
      links: linksTo('$response.body#/items/0/id'),
    },
    problems: ['recurrence-refused'],
  },
  {
    method: 'get',
    path: '/tasks',
    operationId: 'listTasks',
    summary: 'List tasks',
    description:
      'A page of tasks. Filters are all to hold. Without `sort`, tasks are in order of creation, or of their due times ' +
      'where `overdue`, `dueBefore` or `dueAfter` is given. Tasks of equal rank are in order of creation, and tasks ' +
      'without a due time are behind all others.\n\n' +
      'A request looks at 2000 tasks at most beyond what an index finds, so that it takes the same time among ten ' +
      'thousand tasks and ten million; and a page ends when its descriptions take more than 256 KiB of JSON, so that it never ' +
      'is too large. **A page may therefore be short, or empty, before the end**: go on while ' +
      '`nextCursor` is a text. Searching by `q` compares the text of one task after the other, without regard to case ' +
      'and accents; put a filter beside it to search less.\n\n' +
      'A cursor belongs to its filters and its order; `limit` may change from page to page. A task that is changed ' +
      'between two pages may move in the order by `updatedAt`, `dueAt` or `priority`.\n\n' +
      'With `deleted=true` the list has the deleted tasks instead, the last deleted first, and takes only `limit` and ' +
      '`cursor`.',
    query: ListQuerySchema,
    success: {
      status: 200,
      description: 'A page of tasks.',
      schema: 'TaskPage',
      links: {
        next: {operationId: 'listTasks', description: 'The next page, with the same filters.', parameters: NEXT_PAGE},
        first: {
          operationId: 'getTask',
          description: 'Read the first task of the page.',
          parameters: {id: '$response.body#/items/0/id'},
        },
      },
    },
    problems: ['invalid-cursor', 'cursor-mismatch'],
  },
  {
    method: 'get',
    path: '/tasks/{id}',
    operationId: 'getTask',
    summary: 'Read a task',
    description: 'One task. A deleted one is not found here; the list with `deleted=true` has it.',
    success: {status: 200, description: 'The task.', schema: 'Task', headers: ['ETag'], links: OF_THE_TASK},
    problems: ['task-not-found'],
  },
  {
    method: 'patch',
    path: '/tasks/{id}',
    operationId: 'patchTask',
    summary: 'Change a task',
    description:
      'Changes the fields that the body has, and only if the task still is as `If-Match` says. A change that changes ' +
      'nothing makes no version.\n\n' +
      'An open task can become in_progress, done or cancelled; one in_progress can become open, done or cancelled; one ' +
      'that is done or cancelled can become open.\n\n' +
      'Completing a task that repeats makes the next one, once, whose id is in `next`: it has the same title, ' +
      'description, priority, assignee, labels and recurrence, and is due at the first time of the rule after its own ' +
      'due time that is not past. A rule with COUNT counts down.',
    headers: ['If-Match'],
    body: {schema: 'PatchTask', example: {status: 'done'}},
    success: {
      status: 200,
      description: 'The task as it is now.',
      schema: 'Task',
      headers: ['ETag'],
      links: {
        ...OF_THE_TASK,
        next: {
          operationId: 'getTask',
          description: 'Read the task that follows one that was completed.',
          parameters: {id: '$response.body#/next'},
        },
      },
    },
    problems: ['task-not-found', 'transition-refused', 'recurrence-refused'],
  },
  {
    method: 'delete',
    path: '/tasks/{id}',
    operationId: 'deleteTask',
    summary: 'Delete a task',
    description:
      'Takes a task out of all lists. It can be restored until it is purged with its history, 90 days later unless the ' +
      'service is set up otherwise.',
    headers: ['If-Match'],
    success: {
      status: 204,
      description: 'The task is deleted.',
      links: {
        restore: {
          operationId: 'restoreTask',
          description: 'Bring the task back.',
          parameters: {id: '$request.path.id'},
        },
        history: {
          operationId: 'getTaskHistory',
          description: 'Read what was changed.',
          parameters: {id: '$request.path.id'},
        },
      },
    },
    problems: ['task-not-found'],
  },
  {
    method: 'post',
    path: '/tasks/{id}/restore',
    operationId: 'restoreTask',
    summary: 'Restore a deleted task',
    description: 'Brings a deleted task back as it was. One that is not deleted is answered as it is.',
    headers: ['If-Match'],
    success: {status: 200, description: 'The task.', schema: 'Task', headers: ['ETag'], links: OF_THE_TASK},
    problems: ['task-not-found'],
  },
  {
    method: 'get',
    path: '/tasks/{id}/history',
    operationId: 'getTaskHistory',
    summary: 'Read the history of a task',
    description:
      'What was changed, by whom and when, the newest first; also of a deleted task. Texts longer than 200 characters ' +
      'are cut.',
    query: PageQuerySchema,
    success: {
      status: 200,
      description: 'A page of changes.',
      schema: 'HistoryPage',
      links: {
        next: {
          operationId: 'getTaskHistory',
          description: 'The next page.',
          parameters: {id: '$request.path.id', ...NEXT_PAGE},
        },
      },
    },
    problems: ['task-not-found', 'invalid-cursor', 'cursor-mismatch'],
  },
];

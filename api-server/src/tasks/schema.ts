import * as Type from 'typebox';
import type {Static} from 'typebox';

/** Longest title and description, in Unicode code points, which is what both JSON Schema and MySQL's VARCHAR count. */
const MAX_TITLE = 200;
const MAX_DESCRIPTION = 10_000;
const MAX_ASSIGNEE = 100;
const MAX_LABELS = 10;
/** Tasks in one bulk creation. */
export const MAX_BULK = 100;

export const STATUSES = ['open', 'in_progress', 'done', 'cancelled'] as const;
export const PRIORITIES = ['low', 'normal', 'high', 'urgent'] as const;
export const SORTS = ['createdAt', 'dueAt', 'priority', 'updatedAt'] as const;
export const ORDERS = ['asc', 'desc'] as const;

export type TaskStatus = (typeof STATUSES)[number];
export type Priority = (typeof PRIORITIES)[number];
export type Sort = (typeof SORTS)[number];
export type Order = (typeof ORDERS)[number];

/** One of some words: `enum` says so in one line, where a union of literals gives an error for each. */
function OneOf<const T extends string>(values: readonly T[], description: string): ReturnType<typeof Type.Unsafe<T>> {
  return Type.Unsafe<T>({type: 'string', enum: [...values], description});
}

/** A text or null, in the one form that validation, serialisation and OpenAPI 3.1 all take. */
function nullable(options: object): ReturnType<typeof Type.Unsafe<string | null>> {
  return Type.Unsafe<string | null>({...options, type: ['string', 'null']});
}

/** RFC 3339 with a zone. The pattern is stricter than the format: upper case, and no leap second, which JavaScript lacks. */
const TIME = {
  format: 'date-time',
  pattern: String.raw`^(19[7-9]\d|[2-8]\d{3})-\d\d-\d\dT\d\d:\d\d:[0-5]\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$`,
};

/** A pattern's `description` is what a client reads when the pattern refuses a value. */
const TIME_DESCRIPTION = 'must be a time of RFC 3339 with a zone, from 1970 to 8999, such as 2026-03-01T09:00:00+01:00';
const Title = Type.String({maxLength: MAX_TITLE, pattern: '\\S', description: 'must not be blank'});
const Description = Type.String({maxLength: MAX_DESCRIPTION});
const Status = OneOf(STATUSES, 'Where the work stands.');
/** `cancelled` is an end that a task can come to, none that it can begin with. */
const FirstStatus = OneOf(['open', 'in_progress', 'done'], 'Where the work stands. A new task is open if not said.');
const PriorityField = OneOf(PRIORITIES, 'How much it matters; normal if not said.');
const ASSIGNEE = {maxLength: MAX_ASSIGNEE, pattern: '\\S', description: 'must not be blank'};
const LABEL = {
  pattern: '^[a-z0-9]([a-z0-9._/-]{0,48}[a-z0-9])?$',
  description: 'must be 1 to 50 of the characters a-z 0-9 . _ / -, with a letter or digit at both ends',
};
const Labels = Type.Array(Type.String(LABEL), {
  maxItems: MAX_LABELS,
  uniqueItems: true,
  description: 'A set; answered in alphabetical order.',
});
const RULE = {
  maxLength: 500,
  pattern: '^[A-Z0-9=;,+-]+$',
  description:
    'must be an RRULE of RFC 5545, without "RRULE:": FREQ=DAILY, WEEKLY, MONTHLY or YEARLY, with INTERVAL, COUNT or ' +
    'UNTIL (in UTC), BYDAY, BYMONTHDAY, BYMONTH, BYSETPOS and WKST as wanted',
};
const ZONE = {
  maxLength: 64,
  pattern: '^[A-Za-z][A-Za-z0-9_+/-]*$',
  description: 'must be the name of a time zone of the IANA database, such as Europe/Paris',
};
const recurrenceProperties = {rule: Type.String(RULE), timeZone: Type.String(ZONE)};

/** How a task repeats: its local time of day in the zone stays, also when the clocks change. */
export type Recurrence = Static<ReturnType<typeof Type.Object<typeof recurrenceProperties>>>;

const Recurrence = Type.Unsafe<Recurrence | null>({
  ...Type.Object(recurrenceProperties, {additionalProperties: false}),
  type: ['object', 'null'],
  description: 'How the task repeats; needs dueAt. Completing the task makes the next one.',
});

const Id = Type.String({format: 'uuid', description: 'A UUID of version 7; ids sort in order of creation.'});
const Time = Type.String({format: 'date-time', description: 'RFC 3339 in UTC, with milliseconds.'});
const NullableTime = (description: string): ReturnType<typeof nullable> => nullable({format: 'date-time', description});

export const TaskSchema = Type.Object(
  {
    id: Id,
    title: Title,
    description: Description,
    status: Status,
    priority: PriorityField,
    dueAt: NullableTime('When it must be done: RFC 3339 in UTC.'),
    assignee: nullable(ASSIGNEE),
    labels: Labels,
    recurrence: Recurrence,
    createdAt: Time,
    updatedAt: Time,
    completedAt: NullableTime('Since when it is done; null unless it is, and null if an older release completed it.'),
    deletedAt: NullableTime('Since when it is deleted; null unless it is.'),
    next: nullable({format: 'uuid', description: 'The task that completing this one made.'}),
    version: Type.Integer({minimum: 1, description: 'Grows by one with each change; the entity tag is made of it.'}),
  },
  {description: 'A task.'},
);

const wanted = {
  description: Type.Optional(Description),
  priority: Type.Optional(PriorityField),
  dueAt: Type.Optional(nullable({...TIME, description: TIME_DESCRIPTION})),
  assignee: Type.Optional(nullable(ASSIGNEE)),
  labels: Type.Optional(Labels),
  recurrence: Type.Optional(Recurrence),
};

export const CreateTaskSchema = Type.Object(
  {title: Title, status: Type.Optional(FirstStatus), ...wanted},
  {additionalProperties: false, description: 'What a new task may say.'},
);

export const PatchTaskSchema = Type.Object(
  {title: Type.Optional(Title), status: Type.Optional(Status), ...wanted},
  {additionalProperties: false, minProperties: 1, description: 'The fields to change; null takes a value away.'},
);

export const BulkCreateSchema = Type.Object(
  {tasks: Type.Array(CreateTaskSchema, {minItems: 1, maxItems: MAX_BULK})},
  {additionalProperties: false, description: 'Tasks to create, all or none.'},
);

export const BulkCreatedSchema = Type.Object(
  {items: Type.Array(TaskSchema)},
  {description: 'The new tasks, in the order of the request.'},
);

const Limit = Type.String({
  pattern: '^([1-9][0-9]?|100)$',
  description: 'must be a whole number from 1 to 100',
});
const Cursor = Type.String({minLength: 1, maxLength: 200, description: 'The nextCursor of the page before.'});
const Flag = OneOf(['true', 'false'], 'true or false.');
const QueryTime = Type.String({...TIME, description: TIME_DESCRIPTION});

/** Query values arrive as text; nothing is coerced anywhere, so that a body's `"5"` is never taken for a number. */
export const PageQuerySchema = Type.Object(
  {limit: Type.Optional(Limit), cursor: Type.Optional(Cursor)},
  {additionalProperties: false},
);

export const ListQuerySchema = Type.Object(
  {
    ...PageQuerySchema.properties,
    status: Type.Optional(Status),
    priority: Type.Optional(OneOf(PRIORITIES, 'How much it matters.')),
    assignee: Type.Optional(
      Type.String({minLength: 1, maxLength: MAX_ASSIGNEE, description: 'Exactly this assignee.'}),
    ),
    label: Type.Optional(Type.String(LABEL)),
    dueBefore: Type.Optional(QueryTime),
    dueAfter: Type.Optional(QueryTime),
    overdue: Type.Optional(Flag),
    q: Type.Optional(
      Type.String({minLength: 1, maxLength: 100, description: 'Text in the title or the description, in any case.'}),
    ),
    sort: Type.Optional(OneOf(SORTS, 'What to order by.')),
    order: Type.Optional(OneOf(ORDERS, 'Which way.')),
    deleted: Type.Optional(Flag),
  },
  {additionalProperties: false},
);

const NextCursor = nullable({
  description:
    'Give it as `cursor` for the next page. Null: there is none. A page may be short, or empty, before the end.',
});

export const TaskPageSchema = Type.Object(
  {items: Type.Array(TaskSchema), nextCursor: NextCursor},
  {description: 'A page of tasks.'},
);

const FieldValue = Type.Unsafe<FieldValue>({description: 'As the task had it; long text is cut.'});

export const HistoryPageSchema = Type.Object(
  {
    items: Type.Array(
      Type.Object({
        version: Type.Integer({minimum: 1}),
        at: Time,
        by: nullable({description: "The token's name; null where an older release made the task."}),
        action: OneOf(['created', 'updated', 'deleted', 'restored'], 'What was done.'),
        changes: Type.Array(Type.Object({field: Type.String(), from: FieldValue, to: FieldValue})),
      }),
    ),
    nextCursor: NextCursor,
  },
  {description: 'A page of changes, newest first.'},
);

/** A value of any field of a task. */
export type FieldValue = Task[keyof Task];
/** A task as clients see it. Times are RFC 3339 in UTC; `version` grows by one with each change. */
export type Task = Static<typeof TaskSchema>;
export type CreateTask = Static<typeof CreateTaskSchema>;
export type PatchTask = Static<typeof PatchTaskSchema>;
export type ListQuery = Static<typeof ListQuerySchema>;
export type HistoryEntry = Static<typeof HistoryPageSchema>['items'][number];
export type FieldChange = HistoryEntry['changes'][number];

export const DEFAULT_LIMIT = 20;

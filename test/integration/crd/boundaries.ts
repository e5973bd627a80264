import type {Constraint, ConstraintKind} from './constraints.ts';
import {fieldOf, isJson, listOf, mapOf, sample, stringCases} from './objects.ts';
import {backupRuleCases, ruleCases, type Try} from './rule-cases.ts';

/** What a constraint admits and refuses, and how the API server says so. */
export interface Boundary {
  readonly accepted: readonly Try[];
  readonly refused: readonly Try[];
  /** The field that the refusal names. */
  readonly field: string;
  /** A part of the refusal's message. */
  readonly message: string;
}

const values = (...all: readonly unknown[]): readonly Try[] => all.map((value) => ({value}));

function without(value: unknown, member: string): unknown {
  if (!isJson(value)) throw new Error(`the sample that should lose ${member} is no object`);
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== member));
}

function bound(value: number | undefined): number {
  if (value === undefined) throw new Error('a constraint without its bound');
  return value;
}

function stringCasesBoundary({path, schema}: Constraint, message: string): Boundary {
  const {accepted = [], refused = []} = stringCases(schema) ?? {};
  return {accepted: values(...accepted), refused: values(...refused), field: fieldOf(path), message};
}

function sizeBoundary({path, schema}: Constraint, most: number, of: typeof listOf | typeof mapOf): Boundary {
  return {
    accepted: values(of(schema, path, most)),
    refused: values(of(schema, path, most + 1)),
    field: fieldOf(path),
    message: `Too many: ${most + 1}: must have at most ${most} items`,
  };
}

/** How the values on both sides are found, for each kind of constraint. */
const boundaries: Readonly<Record<ConstraintKind, (constraint: Constraint) => Boundary>> = {
  minimum: ({path, schema}) => {
    const least = bound(schema.minimum);
    const message = `in body should be greater than or equal to ${least}`;
    return {accepted: values(least), refused: values(least - 1), field: fieldOf(path), message};
  },
  maximum: ({path, schema}) => {
    const most = bound(schema.maximum);
    const message = `in body should be less than or equal to ${most}`;
    return {accepted: values(most), refused: values(most + 1), field: fieldOf(path), message};
  },
  maxLength: ({path, schema}) => {
    const most = bound(schema.maxLength);
    const ofLength = stringCases(schema)?.ofLength ?? ((length) => 'x'.repeat(length));
    const message = `Too long: may not be more than ${most} bytes`;
    return {accepted: values(ofLength(most)), refused: values(ofLength(most + 1)), field: fieldOf(path), message};
  },
  pattern: (constraint) => stringCasesBoundary(constraint, `should match '${constraint.schema.pattern ?? ''}'`),
  format: (constraint) => stringCasesBoundary(constraint, `must be of type ${constraint.schema.format ?? ''}: `),
  enum: ({path, schema}) => {
    const all = schema.enum ?? [];
    const others = schema.type === 'integer' ? all.map((value) => Number(value) + 1) : ['', 'Other'];
    return {
      accepted: values(...all),
      refused: values(...others.filter((value) => !all.includes(value))),
      field: fieldOf(path),
      message: `supported values: ${all.map((value) => `"${value}"`).join(', ')}`,
    };
  },
  maxItems: (constraint) => sizeBoundary(constraint, bound(constraint.schema.maxItems), listOf),
  maxProperties: (constraint) => sizeBoundary(constraint, bound(constraint.schema.maxProperties), mapOf),
  required: ({path, schema, detail = ''}) => {
    const message = 'Required value';
    // At the root the value is laid over a valid object, so that a member is taken out by naming it.
    if (path === '') return {accepted: values({}), refused: values({[detail]: undefined}), field: detail, message};
    const whole = sample(schema, path);
    const field = `${fieldOf(path)}.${detail}`;
    return {accepted: values(whole), refused: values(without(whole, detail)), field, message};
  },
  unique: ({path, schema}) => {
    const [first] = listOf(schema, path, 1);
    return {
      accepted: values(listOf(schema, path, 2)),
      refused: values([first, first]),
      field: `${fieldOf(path)}[1]`,
      message: 'Duplicate value',
    };
  },
  rule: ({path, detail}) => {
    const found = [...ruleCases, ...backupRuleCases].find((cases) => cases.path === path && cases.message === detail);
    if (found === undefined) throw new Error(`no case for the rule "${detail ?? ''}" at ${path}`);
    return {...found, field: path === '' ? '<nil>' : fieldOf(path)};
  },
};

/**
 * Values on both sides of a constraint: derived from its bound, or from the tables of cases.
 *
 * @throws Error when there is no case for it
 */
export function boundaryOf(constraint: Constraint): Boundary {
  return boundaries[constraint.kind](constraint);
}

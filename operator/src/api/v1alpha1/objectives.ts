import * as z from 'zod';
import {rules} from './cel.ts';
import {objectName} from './kubernetes.ts';

/** What is promised, and what may be done when a promise is broken. */

/** The upper bounds of the latency histogram that the image contract asks for, in milliseconds. */
const LATENCY_THRESHOLDS_MS = [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000] as const;

export const slo = z
  .object({
    windowDays: z
      .int()
      .default(30)
      .describe('Days over which the error budget is counted.')
      .meta({enum: [28, 30]}),
    availability: z
      .object({
        // Shares are strings: floats are not portable between JSON parsers, and the API has none.
        objective: z
          .string()
          .regex(/^9[0-9](\.[0-9]{1,3})?$/)
          .max(6)
          .default('99.9')
          .describe('Share of valid requests that must succeed, in percent: 90 to 99.999.'),
      })
      .prefault({})
      .describe('How many requests must succeed.'),
    latency: z
      .object({
        percentile: z.int().min(50).max(99).default(95).describe('Share of requests that must be fast, in percent.'),
        thresholdMilliseconds: z
          .int()
          .default(500)
          .describe("What counts as fast, in milliseconds: one of the histogram's bounds.")
          .meta({enum: [...LATENCY_THRESHOLDS_MS]}),
      })
      .prefault({})
      .describe('How many requests must be fast.'),
    errorRate: z
      .object({
        maxPercent: z
          .string()
          .regex(/^(0\.(00[1-9]|0[1-9][0-9]?|[1-9][0-9]{0,2})|[1-9](\.[0-9]{1,3})?)$/)
          .max(5)
          .default('1')
          .describe('Most server errors among all responses, in percent: 0.001 to 9.999.'),
      })
      .prefault({})
      .describe('How many responses may be server errors.'),
    // No default: one that is stored would stand beside the other member that somebody chooses later.
    source: z
      .object({
        scrape: z
          .object({})
          .optional()
          .describe("The operator reads the metrics of the API's pods itself. So it does where no source is set."),
        prometheusRef: z
          .object({
            name: objectName.describe("Name that the Prometheus server has in the operator's configuration."),
          })
          .optional()
          .describe(
            "The operator asks a Prometheus server that the platform team named in the operator's configuration. While a revision bakes or a breach is suspected it reads the pods too, and that decides.",
          ),
      })
      .optional()
      .describe('Where the measurements come from.')
      .meta(
        rules({
          rule: '!(has(self.scrape) && has(self.prometheusRef))',
          message: 'at most one of scrape and prometheusRef may be set',
        }),
      ),
  })
  .describe('The promises that the operator measures and keeps.');

/** Percent to share, without the dust of binary fractions: the API takes three decimals. */
function share(percent: number): number {
  return Math.round(percent * 1e4) / 1e6;
}

/**
 * The share of responses that each promise of `spec.slo` lets be bad over its window, by the name of the objective.
 *
 * @returns shares from 0 to 1
 */
export function allowedShares({availability, latency, errorRate}: z.output<typeof slo>): {
  readonly availability: number;
  readonly latency: number;
  readonly errorRate: number;
} {
  return {
    availability: share(100 - Number(availability.objective)),
    latency: share(100 - latency.percentile),
    errorRate: share(Number(errorRate.maxPercent)),
  };
}

const mode = z.enum(['Observe', 'Auto']);

export const remediation = z
  .object({
    mode: mode.default('Auto').describe('Observe: decide and explain, never act. Auto: act too.'),
    actions: z
      .object({
        rollback: mode
          .default('Auto')
          .describe('Bring back the last known good revision. The stricter of this and mode holds.'),
        scaleUp: mode
          .default('Auto')
          .describe("Raise the autoscaler's least number of pods for a while. The stricter of this and mode holds."),
        restart: mode.default('Auto').describe('Evict one pod that hangs. The stricter of this and mode holds.'),
      })
      .prefault({})
      .describe('The mode of each action.'),
    limits: z
      .object({
        cooldownSeconds: z.int().min(0).max(86400).default(300).describe('Least seconds between two actions.'),
        maxActionsPerHour: z.int().min(1).max(60).default(4).describe('Most actions in any hour.'),
      })
      .prefault({})
      .describe('How often the operator may act.'),
  })
  .describe('What the operator may do when a promise is broken.');

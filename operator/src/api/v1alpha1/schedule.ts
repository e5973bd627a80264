import * as z from 'zod';

/** Five fields of numbers; a value out of its range is told as a condition. */
export const cronSchedule = z
  .string()
  .regex(/^[*/,0-9-]+( [*/,0-9-]+){4}$/)
  .max(100);

export const timeZone = z
  .string()
  .regex(/^[A-Za-z][-+\w]*(\/[-+\w]+)*$/)
  .max(64)
  .default('Etc/UTC')
  .describe('Time zone of the schedule, by its name in the IANA database.');

/** When what interrupts may be done. */
export const maintenanceWindow = z.object({
  schedule: cronSchedule.describe('When it opens: minute, hour, day of the month, month, day of the week.'),
  timeZone,
  durationSeconds: z.int().min(600).max(604800).default(7200).describe('For how long it is open.'),
});

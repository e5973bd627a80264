export * from './conditions.ts';
export * from './database-target.ts';
export * from './events.ts';
export * from './labels.ts';
export * from './maintenance-api.ts';
export * from './resources.ts';
export * from './status.ts';

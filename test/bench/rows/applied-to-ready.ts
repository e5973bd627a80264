import {seconds} from '../format.ts';
import type {Row} from '../row.ts';

const GOAL_MS = 60_000;

/** `kubectl apply` of a MaintenanceApi with two pods and a new database until its condition Ready is True. */
export const appliedToReady: Row = {
  name: 'ready',
  title: 'MaintenanceApi applied → Ready, images present',
  goal: '≤ 60 s',
  measure: async (bench) => {
    const {readyMs} = await bench.service();
    return {text: `${seconds(readyMs)} (looked at every 0.5 s)`, isMet: readyMs <= GOAL_MS};
  },
};

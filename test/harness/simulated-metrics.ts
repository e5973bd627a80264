/** What a pod has done until now. */
interface Served {
  readonly good: number;
  readonly bad: number;
  /** Good ones over the threshold of the latency objective. */
  readonly slow: number;
  /** By read-only mode. */
  readonly refused: number;
  readonly cpuSeconds: number;
  /** RFC 3339. */
  readonly startedAt: string;
}

/** What a pod tells beside that, where it tells it. */
interface Tells {
  readonly migrations?: readonly {readonly version: number; readonly previousCanRead: boolean}[];
  readonly cpu?: number;
  readonly failing?: string;
  readonly refusedShare?: number;
  readonly memory?: (ranMs: number) => number;
}

/** The `/metrics` of a simulated pod. */
export function metricsPage(pod: Served, {migrations, cpu, failing, memory, refusedShare}: Tells): string {
  const good = Math.floor(pod.good);
  const bad = Math.floor(pod.bad);
  const series = (status: string, count: number, slow = 0): string[] => [
    `http_requests_total{method="GET",route="/api/v1/tasks",status="${status}"} ${String(count)}`,
    `http_request_duration_seconds_bucket{method="GET",route="/api/v1/tasks",status="${status}",le="0.5"} ${String(count - slow)}`,
    `http_request_duration_seconds_bucket{method="GET",route="/api/v1/tasks",status="${status}",le="+Inf"} ${String(count)}`,
  ];
  const schema = (migrations ?? [{version: 1, previousCanRead: true}]).map(
    ({version, previousCanRead}) =>
      `schema_migration_info{version="${String(version)}",previous_can_read="${String(previousCanRead)}"} 1`,
  );
  const used = cpu === undefined ? [] : [`process_cpu_seconds_total ${pod.cpuSeconds.toFixed(3)}`];
  const bytes = memory?.(Date.now() - Date.parse(pod.startedAt));
  const resident = bytes === undefined ? [] : [`process_resident_memory_bytes ${bytes.toFixed(0)}`];
  const lacks = failing === undefined ? [] : [`dependency_failing{dependency="database",cause="${failing}"} 1`];
  const mode = refusedShare === undefined ? [] : ['read_only_mode 1'];
  const refused = series('423', Math.floor(pod.refused));
  const lines = [
    ...mode,
    ...refused,
    ...series('200', good, Math.min(good, Math.floor(pod.slow))),
    ...series('500', bad),
    ...schema,
    ...used,
    ...resident,
    ...lacks,
  ];
  return ['# TYPE http_requests_total counter', ...lines, ''].join('\n');
}

import {describe, expect, test} from '@jest/globals';
import {readPodMetrics} from './pod-metrics.ts';

const PAGE = `
# TYPE http_requests_total counter
http_requests_total{method="GET",route="/api/v1/tasks",status="200"} 100
http_requests_total{method="POST",route="/api/v1/tasks",status="201"} 20
http_requests_total{method="GET",route="/api/v1/tasks",status="304"} 5
http_requests_total{method="GET",route="/api/v1/tasks/:id",status="404"} 40
http_requests_total{method="POST",route="/api/v1/tasks",status="429"} 300
http_requests_total{method="GET",route="/api/v1/tasks",status="500"} 7
http_requests_total{method="GET",route="/api/v1/tasks",status="503"} 3
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{method="GET",status="200",le="0.25"} 80
http_request_duration_seconds_bucket{method="GET",status="200",le="0.5"} 90
http_request_duration_seconds_bucket{method="GET",status="200",le="+Inf"} 100
http_request_duration_seconds_bucket{method="POST",status="201",le="0.5"} 20
http_request_duration_seconds_bucket{method="GET",status="404",le="0.5"} 40
http_request_duration_seconds_bucket{method="GET",status="500",le="0.5"} 6
mysql_pool_connections{state="idle"} 4
mysql_pool_pending_requests 2
process_resident_memory_bytes 9.5e+07
schema_migration_info{version="1",previous_can_read="true"} 1
schema_migration_info{version="2",previous_can_read="false"} 1
`;

describe('a reading', () => {
  test('counts responses as section 8 does: a 4xx is not valid, every 5xx is bad', () => {
    expect(readPodMetrics(PAGE, 500)).toEqual({
      valid: 135,
      bad: 10,
      total: 475,
      fast: 116,
      latencyThresholdMs: 500,
      poolWaiting: 2,
      residentBytes: 95_000_000,
      migrations: [
        {version: 1, previousCanRead: true},
        {version: 2, previousCanRead: false},
      ],
    });
  });

  test('tells what the pod can not use, in words that can do no harm', () => {
    const failing = (...series: string[]): string | undefined =>
      readPodMetrics([PAGE, ...series, ''].join('\n'), 500)?.failing;
    expect(failing()).toBeUndefined();
    const dns = (value: number): string => `dependency_failing{dependency="database",cause="dns"} ${String(value)}`;
    expect(failing('dependency_failing{dependency="database",cause="certificate"} 0', dns(1))).toBe('database: dns');
    expect(failing(dns(0))).toBeUndefined();
    expect(failing('dependency_failing{dependency="database",cause="All is well. Scale to 0!"} 1')).toBeUndefined();
    expect(failing(`dependency_failing{dependency="${'d'.repeat(31)}",cause="dns"} 1`)).toBeUndefined();
    expect(failing('dependency_failing{cause="dns"} 1')).toBeUndefined();
  });

  test('leaves probes out, should an image count them', () => {
    const probes = [
      'http_requests_total{method="GET",route="/health/ready",status="200"} 9000',
      'http_requests_total{method="GET",route="/health/live",status="503"} 100',
      'http_request_duration_seconds_bucket{method="GET",route="/health/ready",status="200",le="0.5"} 9000',
    ];
    expect(readPodMetrics([PAGE, ...probes, ''].join('\n'), 500)).toEqual(readPodMetrics(PAGE, 500));
  });

  test('takes a request that a client gave up for slow when it waited longer than the threshold, else for nothing', () => {
    const page = (abandonedSoon: number): string =>
      [
        'http_requests_total{status="200"} 80',
        'http_requests_total{status="499"} 20',
        'http_request_duration_seconds_bucket{status="200",le="0.5"} 80',
        `http_request_duration_seconds_bucket{status="499",le="0.5"} ${String(abandonedSoon)}`,
        '',
      ].join('\n');
    expect(readPodMetrics(page(0), 500)).toMatchObject({valid: 100, fast: 80, bad: 0});
    expect(readPodMetrics(page(20), 500)).toMatchObject({valid: 80, fast: 80, bad: 0});
  });

  test('takes the bucket at the threshold', () => {
    expect(readPodMetrics(PAGE, 250)?.fast).toBe(80);
    expect(readPodMetrics(PAGE, 100)?.fast).toBe(0);
  });

  test('of a pod that nobody asked yet is zero traffic', () => {
    expect(readPodMetrics('# TYPE http_requests_total counter\n', 500)).toMatchObject({valid: 0, bad: 0, total: 0});
  });

  test('tells apart what an image does not expose from what is zero', () => {
    const reading = readPodMetrics('http_requests_total{status="200"} 1\n', 500);
    expect(reading).toMatchObject({poolWaiting: undefined, residentBytes: undefined, migrations: undefined});
    const waiting = 'http_requests_total{status="200"} 1\nmysql_pool_pending_requests 0\n';
    expect(readPodMetrics(waiting, 500)?.poolWaiting).toBe(0);
  });

  test('leaves out a gauge that is no number', () => {
    const text = 'http_requests_total{status="200"} 1\nprocess_resident_memory_bytes NaN\n';
    expect(readPodMetrics(text, 500)).toMatchObject({valid: 1, residentBytes: undefined});
  });
});

describe('no telemetry', () => {
  test.each([
    '',
    '<html>It works!</html>',
    '# HELP http_requests_total is only spoken of here\nprocess_resident_memory_bytes 1\n',
    'http_requests_total_by_zone{status="200"} 4\n',
    'other_http_requests_total 3\n',
    'http_requests_total{status="200"} 10\nhttp_requests_total{status="500"} NaN\n',
    'http_requests_total{status="200"} +Inf\n',
    'http_requests_total{status="200"} -1\n',
    'http_requests_total{status="200"} 1\nhttp_request_duration_seconds_bucket{status="200",le="0.5"} NaN\n',
  ])('is what a page without a count is, not zero traffic (invariant 5): %p', (body) => {
    expect(readPodMetrics(body, 500)).toBeUndefined();
  });
});

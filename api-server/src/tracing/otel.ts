import {AsyncLocalStorage} from 'node:async_hooks';
import {
  defaultTextMapGetter,
  diag,
  DiagLogLevel,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type DiagLogger,
} from '@opentelemetry/api';
import {ExportResultCode, W3CTraceContextPropagator} from '@opentelemetry/core';
import {
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
} from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
  type Sampler,
  type SpanExporter,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace';
import type {TracingConfig} from '../config.ts';
import {codeOf} from './code-of.ts';
import type {TracedAnswer, TracedRequest, Tracing, TracingOptions} from './tracing.ts';

/** Methods that the semantic conventions know; any other is `_OTHER`, so that the set of span names is closed. */
const METHODS = new Set(['CONNECT', 'DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'TRACE']);
/** Bounds of the export: about 2 MB of spans at most wait for a receiver that is down. */
const QUEUED_SPANS = 2048;
const BATCH_SPANS = 512;
const BATCH_DELAY_MS = 1000;
const EXPORT_TIMEOUT_MS = 10_000;
/** How long the end of the process waits for the last spans. */
const FLUSH_MS = 2000;
const REPORT_EVERY_MS = 60_000;

/** Tracing with export by OTLP/HTTP, whose address and headers are in the standard environment. */
export async function startTracing(options: TracingOptions): Promise<Tracing> {
  const exporter = await exporterFor(options.config.protocol);
  const report = atMostOnceIn(REPORT_EVERY_MS, (reason) => options.warn({reason}, 'Traces are not exported'));
  diag.setLogger(quietLogger(report), {logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true});
  return traceWith(
    new BatchSpanProcessor({
      exporter: reporting(exporter, report),
      maxQueueSize: QUEUED_SPANS,
      maxExportBatchSize: BATCH_SPANS,
      scheduledDelayMillis: BATCH_DELAY_MS,
      exportTimeoutMillis: EXPORT_TIMEOUT_MS,
    }),
    options,
  );
}

/** The same over any processor of spans. */
export function traceWith(processor: SpanProcessor, {config, version, warn}: TracingOptions): Tracing {
  const own = resourceFromAttributes({'service.name': 'tasks-api', 'service.version': version});
  const provider = new TracerProvider({
    resource: own.merge(detectResources({detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector]})),
    sampler: samplerOf(config),
    spanProcessors: [processor],
  });
  const tracer = provider.getTracer('tasks-api', version);
  const propagator = new W3CTraceContextPropagator();
  const current = new AsyncLocalStorage<Context>();
  return {
    request({method: given, path, scheme, headers}: TracedRequest) {
      const method = METHODS.has(given) ? given : '_OTHER';
      const attributes = {'http.request.method': method, 'url.path': path, 'url.scheme': scheme};
      const parent = propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter);
      const name = method === '_OTHER' ? 'HTTP' : method;
      const span = tracer.startSpan(name, {kind: SpanKind.SERVER, attributes}, parent);
      const context = trace.setSpan(parent, span);
      return {
        traceId: span.spanContext().traceId,
        run: (work) => current.run(context, work),
        end({route, status}: TracedAnswer) {
          if (route !== undefined) span.updateName(`${name} ${route}`).setAttribute('http.route', route);
          if (status === undefined) span.setAttribute('error.type', 'client-closed');
          else span.setAttribute('http.response.status_code', status);
          if (status !== undefined && status >= 500) {
            span.setAttribute('error.type', String(status)).setStatus({code: SpanStatusCode.ERROR});
          }
          span.end();
        },
      };
    },
    statement(name) {
      const context = current.getStore();
      if (context === undefined) return undefined;
      const attributes = {'db.system.name': 'mysql', 'db.query.summary': name};
      const span = tracer.startSpan(name, {kind: SpanKind.CLIENT, attributes}, context);
      return (error) => {
        // Its code alone: the message of a refused statement repeats values.
        if (error !== null) span.setAttribute('error.type', codeOf(error)).setStatus({code: SpanStatusCode.ERROR});
        span.end();
      };
    },
    async stop() {
      const late = new Promise<'late'>((resolve) => setTimeout(resolve, FLUSH_MS, 'late').unref());
      const ended = provider.shutdown().then(
        () => 'done' as const,
        () => 'failed' as const,
      );
      const outcome = await Promise.race([ended, late]);
      if (outcome !== 'done') warn({outcome}, 'The last traces were not exported');
    },
  };
}

async function exporterFor(protocol: TracingConfig['protocol']): Promise<SpanExporter> {
  switch (protocol) {
    case 'http/json':
      return new (await import('@opentelemetry/exporter-trace-otlp-http')).OTLPTraceExporter();
    case 'http/protobuf':
      return new (await import('@opentelemetry/exporter-trace-otlp-proto')).OTLPTraceExporter();
  }
}

function samplerOf({sampler, ratio}: TracingConfig): Sampler {
  switch (sampler) {
    case 'always_on':
      return new AlwaysOnSampler();
    case 'always_off':
      return new AlwaysOffSampler();
    case 'traceidratio':
      return new TraceIdRatioBasedSampler(ratio);
    case 'parentbased_always_on':
      return new ParentBasedSampler({root: new AlwaysOnSampler()});
    case 'parentbased_always_off':
      return new ParentBasedSampler({root: new AlwaysOffSampler()});
    case 'parentbased_traceidratio':
      return new ParentBasedSampler({root: new TraceIdRatioBasedSampler(ratio)});
  }
}

/** Reports a failed export by its code alone, since a receiver's answer may repeat what it was sent. */
function reporting(exporter: SpanExporter, report: (reason: string) => void): SpanExporter {
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.code === ExportResultCode.FAILED) report(codeOf(result.error));
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
  };
}

/** What the SDK says of itself goes no further than that it said something: its words may repeat headers. */
function quietLogger(report: (reason: string) => void): DiagLogger {
  const say = (): void => report('sdk');
  const nothing = (): void => undefined;
  return {error: say, warn: say, info: nothing, debug: nothing, verbose: nothing};
}

function atMostOnceIn(milliseconds: number, report: (reason: string) => void): (reason: string) => void {
  let next = -Infinity;
  return (reason) => {
    const now = performance.now();
    if (now < next) return;
    next = now + milliseconds;
    report(reason);
  };
}

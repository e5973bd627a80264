/** One sample of the Prometheus text exposition format, version 0.0.4. */
export interface TextSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?$/;
const LABEL = /\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*,?/y;
const ESCAPES: Readonly<Record<string, string>> = {n: '\n', '"': '"', '\\': '\\'};

function unescapeLabel(value: string): string {
  return value.replace(/\\(.)/g, (whole, char: string) => ESCAPES[char] ?? whole);
}

function parseLabels(text: string): Record<string, string> | undefined {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const match = LABEL.exec(text);
    if (match === null) return undefined;
    labels[match[1] ?? ''] = unescapeLabel(match[2] ?? '');
  }
  return labels;
}

function parseValue(text: string): number | undefined {
  if (text === 'NaN') return NaN;
  if (text === '+Inf') return Infinity;
  if (text === '-Inf') return -Infinity;
  const value = Number(text);
  return Number.isNaN(value) ? undefined : value;
}

/**
 * Reads the samples whose metric name is wanted, NaN among them; malformed lines are left out.
 *
 * @param text - body of a `/metrics` answer
 * @param wanted - metric names to keep, with `_bucket` and `_count` spelled out
 */
export function parsePrometheusText(text: string, wanted: ReadonlySet<string>): TextSample[] {
  const samples: TextSample[] = [];
  for (const raw of text.split('\n')) {
    if (raw === '' || raw.startsWith('#')) continue;
    const match = LINE.exec(raw.trim());
    const name = match?.[1];
    if (match === null || name === undefined || !wanted.has(name)) continue;
    const labels = parseLabels((match[2] ?? '').trimEnd());
    const value = parseValue(match[3] ?? '');
    if (labels !== undefined && value !== undefined) samples.push({name, labels, value});
  }
  return samples;
}

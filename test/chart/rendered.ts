/** What Helm makes of the chart and some values. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { helm, KUBERNETES } from './tools.ts';

export const CHECKOUT = join(import.meta.dirname, '../..');
export const CHART = join(CHECKOUT, 'helm/dfsync');
/** The files of values that the chart is tested with. */
export const CASES = readdirSync(join(CHART, 'ci')).map(name => name.replace('-values.yaml', ''));
export const fileOf = (name: string) => join(CHART, 'ci', `${name}-values.yaml`);

/** As little as is needed. */
export const TOKEN = { token: { existingSecret: 'dfsync-token' } };

/** An object of Kubernetes: what a test looks at it has to know. */
// biome-ignore lint/suspicious/noExplicitAny: schemas and kubeconform check the objects, the tests look into them
export type Any = any;

export interface Chosen {
  /** Files of values. */
  readonly files?: readonly string[];
  readonly values?: object;
  readonly chart?: string;
  readonly args?: readonly string[];
  readonly release?: string;
  readonly namespace?: string;
}

const scratch = mkdtempSync(join(tmpdir(), 'dfsync-chart-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
let written = 0;

/** What `helm template` prints; throws with its message where it fails. */
export function renderText({
  files = [],
  values,
  chart = CHART,
  args = [],
  release = 'rel',
  namespace = 'space',
}: Chosen): string {
  const own = join(scratch, `values-${++written}.json`);
  if (values) writeFileSync(own, JSON.stringify(values));
  const from = [...files, ...(values ? [own] : [])].flatMap(file => ['--values', file]);
  const kube = ['--kube-version', `${KUBERNETES.at(-1)}.0`, '--namespace', namespace];
  try {
    return execFileSync(helm, ['template', release, chart, ...kube, ...from, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    throw new Error((error as { stderr: string }).stderr);
  }
}

/** The objects that it prints. */
export function render(chosen: Chosen): Any[] {
  return parseAllDocuments(renderText(chosen))
    .map(document => document.toJS() as Any)
    .filter(object => object !== null);
}

/** One object of a kind. */
export function find(objects: readonly Any[], kind: string, name?: string): Any {
  const found = objects.filter(each => each.kind === kind && (name === undefined || each.metadata.name === name));
  if (found.length !== 1) throw new Error(`${found.length} objects ${kind} ${name ?? ''}`);
  return found[0];
}

/** The example chart with this one in it, as `helm dependency build` would have it. */
export function exampleChart(): string {
  const directory = join(scratch, 'web');
  cpSync(join(CHECKOUT, 'helm/examples/web'), directory, { recursive: true });
  cpSync(CHART, join(directory, 'charts/dfsync'), { recursive: true });
  return directory;
}

/**
 * Programs that the tests of the chart use, and how they are had: `node test/chart/tools.ts` fetches and builds what is missing,
 * outside of the repository, once. Needs Go, pip, unzip and npm; about two minutes and 1.3 GB, most of it Go's caches.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const CACHE = process.env.DFSYNC_TOOLS ?? join(homedir(), '.cache/dfsync-tools');

/** Of Helm 3 the newest; without its version in it, it would take the cluster for one of 1.20. */
const HELM = '3.22.0';
const KUBECONFORM = '0.8.0';
const ACTIONLINT = '1.7.12';
/** A Python package that has the JSON schemas of Kubernetes' objects. */
const SCHEMAS = '1.37.0';
/** TypeScript's types and validators of what operators add to Kubernetes. */
const MODELS = ['@kubernetes-models/prometheus-operator@6.0.0', '@kubernetes-models/cert-manager@6.0.0'];

/** The versions of Kubernetes that the chart is for. */
export const KUBERNETES = ['1.28', '1.29', '1.30', '1.31', '1.32', '1.33', '1.34', '1.35', '1.36', '1.37'];

const bin = (name: string) => join(CACHE, 'bin', name);
export const helm = bin(`helm-${HELM}`);
export const kubeconform = bin(`kubeconform-${KUBECONFORM}`);
export const actionlint = bin(`actionlint-${ACTIONLINT}`);
const schemas = join(CACHE, `kubernetes-${SCHEMAS}`);
/** As kubeconform wants it. */
export const schemaLocation = `${schemas}/{{.NormalizedKubernetesVersion}}{{.StrictSuffix}}/{{.ResourceKind}}{{.KindSuffix}}.json`;
const models = join(CACHE, 'models-6.0.0');
/** The modules with the validators, by apiVersion. */
export const modelOf = (apiVersion: string) =>
  join(
    models,
    'node_modules/@kubernetes-models',
    apiVersion.startsWith('cert-manager') ? 'cert-manager' : 'prometheus-operator',
    apiVersion,
    'index.js',
  );

/** What each needs to be there, and what makes it. */
const TOOLS: readonly { readonly at: string; readonly make: () => void }[] = [
  { at: helm, make: () => goInstall('helm.sh/helm/v3/cmd/helm', HELM, helm, helmVersions()) },
  {
    at: kubeconform,
    make: () => goInstall('github.com/yannh/kubeconform/cmd/kubeconform', KUBECONFORM, kubeconform),
  },
  { at: actionlint, make: () => goInstall('github.com/rhysd/actionlint/cmd/actionlint', ACTIONLINT, actionlint) },
  { at: schemas, make: fetchSchemas },
  { at: models, make: fetchModels },
];

/** Why the tests of the chart cannot run here, for `skip`. */
export const withoutTools: string | false = TOOLS.every(({ at }) => existsSync(at))
  ? false
  : 'helm and the like are not built yet: npm run test:chart';

function run(file: string, args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): void {
  execFileSync(file, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options });
}

function goInstall(module: string, version: string, to: string, ldflags = ''): void {
  const directory = join(CACHE, `building-${version}`);
  run('go', ['install', `-ldflags=${ldflags}`, `${module}@v${version}`], { env: { ...process.env, GOBIN: directory } });
  mkdirSync(join(CACHE, 'bin'), { recursive: true });
  renameSync(join(directory, module.split('/').pop()!), to);
  rmSync(directory, { recursive: true });
}

function helmVersions(): string {
  const [major, minor] = KUBERNETES.at(-1)!.split('.');
  const each = ['lint/rules', 'chartutil'].flatMap(of => [
    `-X helm.sh/helm/v3/pkg/${of}.k8sVersionMajor=${major}`,
    `-X helm.sh/helm/v3/pkg/${of}.k8sVersionMinor=${minor}`,
  ]);
  return ['-s -w', `-X helm.sh/helm/v3/internal/version.version=v${HELM}`, ...each].join(' ');
}

function fetchSchemas(): void {
  const making = `${schemas}.new`;
  rmSync(making, { recursive: true, force: true });
  mkdirSync(making, { recursive: true });
  run('pip', ['download', '-q', '--no-deps', '-d', making, `kubernetes-validate==${SCHEMAS}`]);
  const wheel = join(making, readdirSync(making).find(name => name.endsWith('.whl'))!);
  for (const version of KUBERNETES) {
    const directory = join(making, `v${version}.0-strict`);
    mkdirSync(directory);
    run('unzip', ['-q', '-o', '-j', wheel, `*/v${version}.0-local-strict/*`, '-d', directory]);
    // They name each other by addresses on the web.
    for (const name of readdirSync(directory)) {
      const file = join(directory, name);
      const text = readFileSync(file, 'utf8');
      writeFileSync(
        file,
        text
          .replaceAll('"$id": "https://kubernetes.io/', '"x-id": "')
          .replaceAll('"/api/_definitions.json#', '"_definitions.json#'),
      );
    }
  }
  rmSync(wheel);
  renameSync(making, schemas);
}

function fetchModels(): void {
  const making = `${models}.new`;
  rmSync(making, { recursive: true, force: true });
  mkdirSync(making, { recursive: true });
  writeFileSync(join(making, 'package.json'), '{"private":true}');
  run('npm', ['install', '--silent', '--no-audit', '--no-fund', ...MODELS], { cwd: making });
  renameSync(making, models);
}

if (import.meta.main)
  for (const { at, make } of TOOLS) {
    if (existsSync(at)) continue;
    process.stdout.write(`making ${at}\n`);
    make();
  }

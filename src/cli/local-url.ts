/** Where an instance with this environment answers operators, asked from its own host. */
export function localUrl({ DFSYNC_OPS_LISTEN, DFSYNC_OPS_TLS_CERT }: NodeJS.ProcessEnv, defaultPort: number): string {
  const { host, port } = /^(?<host>.*?):?(?<port>[0-9]+)$/.exec(DFSYNC_OPS_LISTEN ?? '')?.groups ?? {};
  const isAnyAddress = host === undefined || ['', '*', '0.0.0.0', '[::]', '::'].includes(host);
  return `http${DFSYNC_OPS_TLS_CERT ? 's' : ''}://${isAnyAddress ? '127.0.0.1' : host}:${port ?? defaultPort}`;
}

/**
 * The status page: hand-written files beside this one, served as they are. They hold no data: the page asks for it as anybody else
 * does, so it sees what its reader may see.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import type Router from '@koa/router';
import type { Middleware } from 'koa';

const DIRECTORY = new URL('./page/', import.meta.url);

/** What is served; whatever else lies there is not. */
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
};

/** Nothing comes from elsewhere, goes elsewhere or is shown within anything else, and no text can become code. */
const HEADERS = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  // Asked about each time, so that an update of the program is an update of the page.
  'Cache-Control': 'no-cache',
} as const;

/** Adds `/`, which is open to everybody, and what it is made of. */
export function addPage(router: Router): void {
  for (const name of readdirSync(DIRECTORY)) {
    const type = TYPES[extname(name)];
    if (type === undefined) continue;
    router.get(name === 'index.html' ? '/' : `/page/${name}`, serving(readFileSync(new URL(name, DIRECTORY)), type));
  }
}

function serving(content: Buffer, type: string): Middleware {
  const etag = createHash('sha256').update(content).digest('base64url');
  return ctx => {
    ctx.set(HEADERS);
    ctx.status = 200;
    ctx.etag = etag;
    ctx.type = type;
    if (ctx.fresh) ctx.status = 304;
    else ctx.body = content;
  };
}

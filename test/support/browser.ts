/** Headless Chromium, where it is installed. */
import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';

const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';
const QUIET = ['--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update'];

/** Why there is no browser to test with, or false. */
export const withoutChromium = !existsSync(EXECUTABLE) && `no ${EXECUTABLE}: apt-get install chromium, or set CHROMIUM`;

export function openBrowser(): Promise<Browser> {
  // As root, and in most containers, its sandbox cannot be had; it opens nothing but pages of these tests.
  const args = ['--no-sandbox', '--disable-gpu', '--disable-sync', ...QUIET];
  return chromium.launch({ executablePath: EXECUTABLE, headless: true, args });
}

/** Collects what a page complains of: errors, violations of its policy. An answer that is no success is none. */
export function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on('pageerror', error => complaints.push(String(error)));
  page.on('console', message => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      complaints.push(message.text());
  });
  return complaints;
}

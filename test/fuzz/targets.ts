/** All that is fuzzed. */
import { bundle } from './bundle.ts';
import { cache } from './cache.ts';
import { description } from './description.ts';
import { feed } from './feed.ts';
import { routes } from './routes.ts';
import type { Target } from './target.ts';

export const TARGETS: readonly Target[] = [description, routes, bundle, feed, cache];

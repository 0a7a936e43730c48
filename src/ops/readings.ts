/** Every metric that is read from a status. Rules: base units, closed label sets, no label that holds a path or an error's text. */
import { DOMAIN_READINGS } from './domain-readings.ts';
import { INSTANCE_READINGS } from './instance-readings.ts';
import { PEER_READINGS } from './peer-readings.ts';
import type { Reading } from './reading.ts';

export const READINGS: readonly Reading[] = [...PEER_READINGS, ...DOMAIN_READINGS, ...INSTANCE_READINGS];

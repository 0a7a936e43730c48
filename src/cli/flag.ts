/** Flags of the command line that an environment variable can stand for. */
import { Option } from 'commander';

/** Every variable that means anything; others that begin like them are warned about. */
export const KNOWN_ENV = new Set<string>();

/** A flag, and the variable that it outranks. */
export function flag(flags: string, description: string, env: string): Option {
  KNOWN_ENV.add(env);
  return new Option(flags, description).env(env);
}

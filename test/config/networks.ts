/** Network descriptions for tests. */
import assert from 'node:assert/strict';
import { type Parsed, parseNetwork } from '../../src/config/network.ts';
import { formatProblem } from '../../src/config/problem.ts';
import type { Network } from '../../src/core/topology.ts';

/** The role node of the platform's manual, as it is. */
export const MANUAL_ROLE = {
  name: 'dfsync1',
  iface: 'eth0',
  is_cross_site: false,
  roleid: 11380,
  roletype: 'dfsync',
  separate: true,
};

/** Two sites, three instances, two domains. */
export const EXAMPLE = `{
  "domains": [
    { "name": "acme.example",  "directory": "acme",  "sites": ["north", "south"] },
    { "name": "local.example", "directory": "local", "sites": ["north"] } ],
  "sites": [
    { "name": "north", "servers": [
      { "name": "n1", "address": "127.0.0.1:7421", "roles": [
        { "name": "dfsync1", "iface": "lo", "roleid": 1, "roletype": "dfsync", "separate": true, "is_cross_site": true } ] },
      { "name": "n2", "address": "127.0.0.1:7422", "roles": [
        { "name": "dfsync2", "iface": "lo", "roleid": 2, "roletype": "dfsync", "separate": true } ] } ] },
    { "name": "south", "servers": [
      { "name": "s1", "address": "127.0.0.1:7423", "roles": [
        { "name": "dfsync3", "iface": "lo", "roleid": 3, "roletype": "dfsync", "separate": true, "is_cross_site": true } ] } ] } ],
  "options": {}
}`;

/** A role node with some fields changed. */
export function role(roleid: number, changes: object = {}): object {
  return { name: `dfsync${roleid}`, iface: 'lo', roleid, roletype: 'dfsync', separate: false, ...changes };
}

/** A server with one role, or with those given. */
export function server(id: number, changes: object = {}): object {
  return { name: `s${id}`, address: `10.0.0.${id}`, roles: [role(id, { is_cross_site: true })], ...changes };
}

/** One site with these servers. */
export function oneSite(...servers: object[]): { sites: object[] } {
  return { sites: [{ name: 'north', servers }] };
}

/** Two sites, north with server 1 and south with server 2, and these domains. */
export function twoSites(...domains: object[]): { sites: { name: string; servers: object[] }[]; domains: object[] } {
  return {
    sites: [
      { name: 'north', servers: [server(1)] },
      { name: 'south', servers: [server(2)] },
    ],
    domains,
  };
}

export function parse(document: unknown): Parsed {
  return parseNetwork(JSON.stringify(document));
}

/** The network of a description that must be valid. */
export function valid(parsed: Parsed): Network {
  if ('network' in parsed) return parsed.network;
  return assert.fail(parsed.problems.map(formatProblem).join('\n'));
}

/** The paths of all problems, in order. */
export function problemPaths(parsed: Parsed): string[] {
  return 'network' in parsed ? [] : parsed.problems.map(problem => problem.path).sort();
}

/** The paths of all warnings, in order. */
export function warningPaths(parsed: Parsed): string[] {
  return parsed.warnings.map(warning => warning.path).sort();
}

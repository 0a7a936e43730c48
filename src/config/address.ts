/** Where instances are reached, and where this one listens. */
import { isIPv4, isIPv6 } from 'node:net';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';

/** The port of the peer API where an address names none. */
export const DEFAULT_PORT = 7420;

/** RFC 1035. */
const MAX_HOST_NAME = 253;

/**
 * Brings an address (`host`, `host:port`, `[IPv6]:port`, a bare IPv6 address) to `host:port`, with the brackets of an IPv6
 * address and in lower case, so that equal addresses are equal strings.
 */
export function parseAddress(raw: string): { readonly address: string } | { readonly refused: string } {
  const text = raw.trim().toLowerCase();
  if (text.includes('://')) return { refused: 'is a URL; give host or host:port' };
  if (isIPv6(text)) return withPort(`[${text}]`, undefined);
  const match = /^(?:\[(?<v6>[^\]]*)\]|(?<name>[^:[\]]*))(?::(?<port>[0-9]+))?$/.exec(text)?.groups;
  if (match === undefined)
    return { refused: `"${raw}" is no host or host:port (an IPv6 address with a port goes in brackets)` };
  if (match.v6 !== undefined) {
    if (!isIPv6(match.v6) || match.v6.includes('%')) return { refused: `"${match.v6}" is no IPv6 address` };
    return withPort(`[${match.v6}]`, match.port);
  }
  const host = match.name ?? '';
  return isHost(host) ? withPort(host, match.port) : { refused: `"${host}" is no host name and no IP address` };
}

/** The host (an IPv6 address without its brackets) and port of a normalised address. */
export function splitAddress(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(address.slice(colon + 1)) };
}

/**
 * The `host:port` to listen on: an address of the network interface and the port of `address`. The interface's address is the
 * one that `address` names, else the first of the same family, else the first.
 *
 * @param iface name or alias of a network interface, e.g. `eth0`
 * @param address this instance's own address, normalised
 * @throws Error naming the known interfaces where this one does not exist or has no address
 */
export function listenAddress(iface: string, address: string, interfaces: Interfaces = networkInterfaces()): string {
  const { host, port } = splitAddress(address);
  // A link-local address would need a zone, which no peer can know.
  const usable = (interfaces[iface] ?? []).filter(each => !(each.family === 'IPv6' && /^fe[89ab]/i.test(each.address)));
  const family = isIPv6(host) ? 'IPv6' : 'IPv4';
  const chosen = usable.find(each => each.address === host) ?? usable.find(each => each.family === family) ?? usable[0];
  if (chosen !== undefined)
    return chosen.family === 'IPv6' ? `[${chosen.address}]:${port}` : `${chosen.address}:${port}`;
  const trouble =
    interfaces[iface] === undefined
      ? 'there is no such network interface here'
      : 'the network interface has no usable address';
  throw new Error(
    `iface "${iface}": ${trouble}; known: ${known(interfaces)}. Correct iface in the description, or say --listen HOST:PORT`,
  );
}

/** What the operating system says of its network interfaces. */
export type Interfaces = Readonly<
  Record<string, readonly Pick<NetworkInterfaceInfo, 'address' | 'family'>[] | undefined>
>;

function known(interfaces: Interfaces): string {
  return Object.keys(interfaces).join(', ') || 'none';
}

function withPort(host: string, port: string | undefined): { readonly address: string } | { readonly refused: string } {
  const number = port === undefined ? DEFAULT_PORT : Number(port);
  return number >= 1 && number <= 65_535
    ? { address: `${host}:${number}` }
    : { refused: `port ${port} is not between 1 and 65535` };
}

function isHost(host: string): boolean {
  if (host.length > MAX_HOST_NAME) return false;
  // What consists of digits and dots is meant as an IPv4 address.
  if (/^[0-9.]*$/.test(host)) return isIPv4(host);
  return host
    .split('.')
    .every(
      (label, i, all) =>
        /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label) || (label === '' && i > 0 && i === all.length - 1),
    );
}

import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { describe, it } from 'node:test';
import { type Interfaces, listenAddress, parseAddress, splitAddress } from '../../src/config/address.ts';

describe('an address', () => {
  for (const [raw, address] of [
    ['10.0.0.1', '10.0.0.1:7420'],
    ['10.0.0.1:80', '10.0.0.1:80'],
    ['N1.example.com', 'n1.example.com:7420'],
    ['n1.example.com.:65535', 'n1.example.com.:65535'],
    ['n_1', 'n_1:7420'],
    [' host:1 ', 'host:1'],
    ['::1', '[::1]:7420'],
    ['[::1]', '[::1]:7420'],
    ['[2001:DB8::1]:7421', '[2001:db8::1]:7421'],
  ] as const)
    it(`${raw} is ${address}`, () => assert.deepEqual(parseAddress(raw), { address }));

  for (const raw of [
    '',
    ':80',
    'host:',
    'host:0',
    'host:65536',
    'host:x',
    'a b',
    'http://host',
    'host/path',
    'user@host',
    '300.1.1.1',
    '10.0.0',
    '[::1',
    '[host]:1',
    '-a',
    'a..b',
    '[fe80::1%eth0]:1',
    `${'a'.repeat(64)}`,
  ])
    it(`"${raw}" is refused`, () => assert.ok('refused' in parseAddress(raw)));

  it('is split into host and port', () => {
    assert.deepEqual(splitAddress('n1.example:80'), { host: 'n1.example', port: 80 });
    assert.deepEqual(splitAddress('[::1]:80'), { host: '::1', port: 80 });
  });
});

describe('listenAddress', () => {
  const interfaces: Interfaces = {
    lo: [
      { address: '127.0.0.1', family: 'IPv4' },
      { address: '::1', family: 'IPv6' },
    ],
    eth0: [
      { address: 'fe80::1', family: 'IPv6' },
      { address: '10.0.0.5', family: 'IPv4' },
      { address: '10.0.0.6', family: 'IPv4' },
      { address: '2001:db8::5', family: 'IPv6' },
    ],
    'eth0:1': [{ address: '10.0.1.5', family: 'IPv4' }],
    v6: [
      { address: 'fe80::2', family: 'IPv6' },
      { address: '2001:db8::6', family: 'IPv6' },
    ],
    down: [{ address: 'fe80::3', family: 'IPv6' }],
  };
  for (const [name, iface, address, expected] of [
    ['the first IPv4 address for a host name', 'eth0', 'n1.example:7421', '10.0.0.5:7421'],
    ['the very address where the interface has it', 'eth0', '10.0.0.6:7421', '10.0.0.6:7421'],
    ['an IPv6 address for an IPv6 address', 'eth0', '[2001:db8::99]:7421', '[2001:db8::5]:7421'],
    ['an alias', 'eth0:1', '10.0.0.5:1', '10.0.1.5:1'],
    ['IPv6 where there is nothing else', 'v6', 'n1:7420', '[2001:db8::6]:7420'],
  ] as const)
    it(`takes ${name}`, () => assert.equal(listenAddress(iface, address, interfaces), expected));

  it('names the known interfaces where there is none', () => {
    assert.throws(
      () => listenAddress('eth7', 'n1:1', interfaces),
      /"eth7".*no such network interface.*lo, eth0, eth0:1, v6, down/,
    );
    assert.throws(() => listenAddress('down', 'n1:1', interfaces), /"down".*no usable address/);
  });

  it('finds the loopback interface of this machine', () => {
    const loopback = Object.entries(networkInterfaces()).find(([, all]) =>
      all?.some(each => each.address === '127.0.0.1'),
    )?.[0];
    assert.ok(loopback);
    assert.equal(listenAddress(loopback, '127.0.0.1:7421'), '127.0.0.1:7421');
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isNamed, namesIn } from '../../src/core/certificate.ts';

describe('the alternative names of a certificate', () => {
  for (const [name, text, names] of [
    ['none', undefined, []],
    ['an empty list', '', []],
    ['a URI and a DNS name', 'URI:dfsync://1, DNS:n1', ['URI:dfsync://1', 'DNS:n1']],
    ['others besides', 'IP Address:0:0:0:0:0:0:0:1, othername:<unsupported>, DNS:n1, email:a@b', ['DNS:n1']],
    ['one in quotes, which holds another', 'URI:"http://x/, URI:dfsync://1", DNS:n1', ['DNS:n1']],
    ['quotes in quotes', 'DNS:"a\\", URI:dfsync://1", DNS:n1', ['DNS:n1']],
    ['what is no such list', 'URI:dfsync://1, "DNS', []],
    ['a quote within', 'DNS:n"1, DNS:n2', []],
  ] as const)
    it(`are read: ${name}`, () => assert.deepEqual(namesIn(text), names));

  const instance = { roleid: 1, server: 'n1' };
  for (const [names, named] of [
    [['URI:dfsync://1'], true],
    [['DNS:n1'], true],
    [['DNS:other', 'URI:dfsync://1'], true],
    [[], false],
    [['URI:dfsync://11', 'URI:dfsync://1/', 'URI:DFSYNC://1', 'DNS:dfsync://1', 'URI:n1'], false],
    [['DNS:N1', 'DNS:n1.example', 'DNS:*'], false],
  ] as const)
    it(`${names.join(', ') || 'none'}: ${named ? 'of' : 'not of'} instance 1 on n1`, () =>
      assert.equal(isNamed(names, instance), named));
});

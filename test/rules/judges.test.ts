import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isJudgeHost, judges } from '../../src/rules/judges.ts';

test('every listed host is a judge, and so are its subdomains; a host that only ends alike is none', () => {
  for (const host of judges.flatMap(({ hosts }) => hosts)) {
    assert.ok(isJudgeHost(host), host);
    assert.ok(isJudgeHost(`a.b.${host}`), host);
  }
  for (const host of ['notazenv.net', 'www.example.com', 'com', '']) assert.ok(!isJudgeHost(host), host);
});

test('hosts are judges by their name too', () => {
  for (const host of [
    ...['proxyjudge.example', 'proxy-judge2.example', 'judge.example', 'azenv1.example.org'],
    ...['a.proxyjudge3.example.com', 'proxycheck.example', 'checkip.example.com', 'a.checkip.example.com'],
  ])
    assert.ok(isJudgeHost(host), host);
  for (const host of ['misjudge.example', 'judges.example', 'mycheckip.example.com', 'checkip'])
    assert.ok(!isJudgeHost(host), host);
});

/** docs/how-to/fastify.md quotes the plugin's error for faulty options. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Fastify from 'fastify';
import { relayGuard } from '../../src/index.ts';
import { pages } from './markdown.ts';

test('the error has all faults of the options at once, in the words of the page', async () => {
  const page = pages.find(({ path }) => path === 'docs/how-to/fastify.md')!;
  const shown = page.blocks.find(({ language }) => language === 'text')!.text;
  const app = Fastify();
  const options = { hosts: ['http://www.example.net/'], policy: { rules: { connect: 'allow' } } };
  await assert.rejects(
    async () => app.register(relayGuard, options as never),
    (error: Error) => {
      for (const line of shown.trimEnd().split('\n'))
        assert.ok(error.message.includes(line), `${error.message}\nlacks\n${line}`);
      return true;
    },
  );
  await app.close();
});

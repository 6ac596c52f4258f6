/** Imports point down the list in docs/architecture.md. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite, test } from 'node:test';
import { pages, root } from '../docs/markdown.ts';

const page = pages.find(({ path }) => path === 'docs/architecture.md')!;
const list = page.blocks.find(({ text }) => text.startsWith('cli'))!.text.trimEnd();
/** Room → how far down it is. */
const depth = new Map(
  list
    .split('\n')
    .flatMap((line, index) => line.split(/, | \+ /).map((room): [string, number] => [room, index])),
);
/** Room → the room that it is one with. */
const joined = new Map(
  [...list.matchAll(/([\w-]+) \+ ([\w-]+)/g)].map(([, one, other]): [string, string] => [one!, other!]),
);
const pure = ['judge', 'rules', 'wire', 'address'];
/** Functions of their arguments alone. */
const harmless = new Set(['ipaddr.js', 'node:url']);

const files = globSync(['src/**/*.ts', 'plugins/**/*.ts'], { cwd: root }).sort();

/** `src/wire/authority.ts` → `wire`, `src/judge.ts` → `judge`, `plugins/forward.ts` → `plugins`. */
function roomOf(path: string): string {
  const [top, second] = path.split('/');
  return top === 'src' ? second!.replace(/\.ts$/, '') : top!;
}

const whole = (room: string): string => joined.get(room) ?? room;

const source = (path: string): string => readFileSync(join(root, path), 'utf8');

function importsOf(path: string): string[] {
  return [...source(path).matchAll(/(?:\bfrom|\bimport\(|^import)\s*['"`]([^'"`]+)['"`]/gm)].map(
    ([, target]) => target!,
  );
}

suite('the structure', () => {
  test('every room is on the list of docs/architecture.md, and in its table', () => {
    const rooms = new Set(files.map(roomOf));
    assert.deepEqual(
      [...rooms].filter((room) => !depth.has(room)),
      [],
      'add it to the list',
    );
    for (const room of rooms) {
      const name = room === 'plugins' ? '`plugins/`' : `\`src/${room}(?:/|[.]ts)\``;
      assert.ok(new RegExp(name).test(page.text), `${room} is not in the table`);
    }
    assert.deepEqual(
      [...depth.keys()].filter((room) => !rooms.has(room)),
      [],
      'there is no such room',
    );
  });

  test('a file imports from its own room and from rooms below', () => {
    const wrong = files.flatMap((path) =>
      importsOf(path)
        .filter((target) => target.startsWith('.') && target.endsWith('.ts'))
        .map((target) => join(dirname(path), target))
        .filter((target) => whole(roomOf(target)) !== whole(roomOf(path)))
        .filter((target) => !(depth.get(roomOf(target))! > depth.get(roomOf(path))!))
        .map((target) => `${path} imports ${target}`),
    );
    assert.deepEqual(wrong, []);
  });

  test('no file imports itself by way of others; types apart, which are gone when it runs', () => {
    const valueImports = new Map(
      files.map((path) => [
        path,
        [...source(path).matchAll(/^(?:import|export)\s+(?!type\b)([^;]*?)\bfrom\s*'(\.[^']+\.ts)'/gm)]
          .filter(([, names]) => !/^\{(?:\s*type \w+(?: as \w+)?\s*,?)+\}\s*$/.test(names!))
          .map(([, , target]) => join(dirname(path), target!)),
      ]),
    );
    const circles: string[] = [];
    const done = new Set<string>();
    const visit = (path: string, way: readonly string[]): void => {
      if (way.includes(path)) circles.push([...way.slice(way.indexOf(path)), path].join(' → '));
      if (way.includes(path) || done.has(path)) return;
      for (const target of valueImports.get(path) ?? []) visit(target, [...way, path]);
      done.add(path);
    };
    for (const path of files) visit(path, []);
    assert.deepEqual(circles, []);
    assert.ok([...valueImports.values()].flat().length > 500);
  });

  test('the pure rooms know nothing of Node, of the clock or of Fastify', () => {
    for (const path of files.filter((one) => pure.includes(roomOf(one)))) {
      const foreign = importsOf(path).filter((target) => !target.startsWith('.') && !harmless.has(target));
      assert.deepEqual(foreign, [], path);
      assert.doesNotMatch(
        source(path),
        /\b(?:Date\.now|new Date|performance\.|setTimeout|setInterval|process\.)/,
        path,
      );
    }
  });

  test('the gateway reads what clients send by itself: no server of node:http or node:http2 on its way', () => {
    const way = ['listener', 'http1', 'http2', 'h2', 'wire', 'limit'];
    for (const path of files.filter((one) => way.includes(roomOf(one)) || one === 'src/program/gateway.ts'))
      assert.deepEqual(
        importsOf(path).filter((target) => /^node:http/.test(target)),
        [],
        path,
      );
  });
});

/** Imports point down the list in docs/architecture.md. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite, test } from 'node:test';
import {
  architecture,
  sourceFiles as files,
  filesImportedBy,
  importsOf,
  layers,
  roomOf,
} from '../../docs/generate/rooms.ts';
import { root } from '../docs/markdown.ts';

/** Room → how far down it is. */
const depth = new Map(
  layers.flatMap((layer, index) =>
    layer.flatMap((entry) => entry.split(' + ')).map((room): [string, number] => [room, index]),
  ),
);
/** Room → the entry of the list that it is a part of. */
const entryOf = new Map(
  layers.flat().flatMap((entry) => entry.split(' + ').map((room): [string, string] => [room, entry])),
);
const pure = ['judge', 'rules', 'wire', 'address'];
/** Functions of their arguments alone. */
const harmless = new Set(['ipaddr.js', 'node:url']);

const source = (path: string): string => readFileSync(join(root, path), 'utf8');

suite('the structure', () => {
  test('docs/architecture.md has every room in its list and in its table', () => {
    const rooms = new Set(files.map(roomOf));
    assert.deepEqual(
      [...rooms].filter((room) => !depth.has(room)),
      [],
      'add it to the list',
    );
    for (const room of rooms) {
      const name = room === 'plugins' ? '`plugins/`' : `\`src/${room}(?:/|[.]ts)\``;
      assert.ok(new RegExp(name).test(architecture), `${room} is not in the table`);
    }
    assert.deepEqual(
      [...depth.keys()].filter((room) => !rooms.has(room)),
      [],
      'there is no such room',
    );
  });

  test('a file imports only from its own room and from lower layers', () => {
    const wrong = files.flatMap((path) =>
      filesImportedBy(path)
        .filter((target) => entryOf.get(roomOf(target)) !== entryOf.get(roomOf(path)))
        .filter((target) => !(depth.get(roomOf(target))! > depth.get(roomOf(path))!))
        .map((target) => `${path} imports ${target}`),
    );
    assert.deepEqual(wrong, []);
  });

  test('no import cycle exists between files, type imports aside', () => {
    const valueImports = new Map(
      files.map((path) => [
        path,
        [...source(path).matchAll(/^(?:import|export)\s+(?!type\b)([^;]*?)\bfrom\s*'(\.[^']+\.tsx?)'/gm)]
          .filter(([, names]) => !/^\{(?:\s*type \w+(?: as \w+)?\s*,?)+\}\s*$/.test(names!))
          .map(([, , target]) => join(dirname(path), target!)),
      ]),
    );
    const cycles: string[] = [];
    const done = new Set<string>();
    const visit = (path: string, way: readonly string[]): void => {
      if (way.includes(path)) cycles.push([...way.slice(way.indexOf(path)), path].join(' → '));
      if (way.includes(path) || done.has(path)) return;
      for (const target of valueImports.get(path) ?? []) visit(target, [...way, path]);
      done.add(path);
    };
    for (const path of files) visit(path, []);
    assert.deepEqual(cycles, []);
    assert.ok([...valueImports.values()].flat().length > 500);
  });

  test('the pure rooms import nothing from Node or packages, and read no clock', () => {
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

  test('the path of a client request uses no node:http or node:http2', () => {
    const rooms = ['listener', 'http1', 'http2', 'h2', 'wire', 'limit'];
    for (const path of files.filter((one) => rooms.includes(roomOf(one)) || one === 'src/program/gateway.ts'))
      assert.deepEqual(
        importsOf(path).filter((target) => /^node:http/.test(target)),
        [],
        path,
      );
  });
});

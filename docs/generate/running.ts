/** What a running gateway says about itself: its OpenAPI document and its metrics. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Described {
  readonly openapi: OpenApi;
  /** In the Prometheus text format. */
  readonly metrics: string;
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

export interface Operation {
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly description?: string;
    readonly schema: JsonSchema;
  }[];
  readonly responses?: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: JsonSchema }>> }>
  >;
}

export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

const token = 'the-generator-asks-0123456789';

/** Two sites, one with a dead backend, so that every labelled metric has a sample. */
const configFor = (backend: number): string => `listen: ["127.0.0.1:0"]
sites:
  - hosts: [www.example.net]
    backend: http://127.0.0.1:${backend}
  - hosts: [down.example.net]
    backend: http://127.0.0.1:9
admin: { listen: "127.0.0.1:0", token: ${token} }
`;

let asked: Promise<Described> | null = null;

/** Starts a gateway on loopback and asks it, once for each process. */
export function described(): Promise<Described> {
  asked ??= ask();
  return asked;
}

async function ask(): Promise<Described> {
  const backend = createServer((_request, response) => response.end('a page')).listen(0, '127.0.0.1');
  await once(backend, 'listening');
  const folder = await mkdtemp(join(tmpdir(), 'sekisho-docs-'));
  const file = join(folder, 'sekisho.yaml');
  await writeFile(file, configFor((backend.address() as AddressInfo).port));
  const program = spawn(
    process.execPath,
    [join(import.meta.dirname, '../../src/cli.ts'), 'start', '--config', file],
    { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'], timeout: 60_000 },
  );
  try {
    let printed = '';
    for await (const chunk of program.stdout.setEncoding('utf8')) {
      printed += chunk;
      const gateway = /^listening http 127\.0\.0\.1:(\d+)$/m.exec(printed)?.[1];
      const admin = /^listening admin (http:\S+)$/m.exec(printed)?.[1];
      if (gateway === undefined || admin === undefined) continue;
      for (const host of ['www.example.net', 'down.example.net', 'www.example.com'])
        await knock(gateway, host);
      const get = (path: string) =>
        fetch(`${admin}${path}`, { headers: { authorization: `Bearer ${token}` } });
      return {
        openapi: (await (await get('/api/openapi.json')).json()) as OpenApi,
        metrics: await (await get('/metrics')).text(),
      };
    }
    throw new Error(`the gateway for the generated pages did not start: ${printed}`);
  } finally {
    if (program.exitCode === null) {
      program.kill();
      await once(program, 'exit');
    }
    backend.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function knock(port: string, host: string): Promise<void> {
  const asking = request({
    host: '127.0.0.1',
    port,
    headers: { host, connection: 'close' },
    timeout: 10_000,
  });
  asking.end();
  const [response] = await once(asking, 'response');
  response.resume();
  await once(response, 'end');
}

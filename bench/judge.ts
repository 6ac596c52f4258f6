/** Cost of one verdict, in time and bytes allocated: for ordinary requests and probes, with few host names and many. */
import { compile } from '../src/config/compile.ts';
import { parseConfig } from '../src/config/load.ts';
import { judge } from '../src/judge.ts';
import type { Policy } from '../src/rules/policy.ts';
import type { HttpRequest } from '../src/wire/http-request.ts';
import { type BenchOptions, median, print } from './options.ts';

const browser = (host: string): string[] => [
  'Host',
  host,
  'Connection',
  'keep-alive',
  'User-Agent',
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  'Accept',
  'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'Accept-Encoding',
  'gzip, deflate, br, zstd',
  'Accept-Language',
  'en-GB,en;q=0.9',
  'Cookie',
  'session=0123456789abcdef; theme=dark',
  'Referer',
  'http://www.example.net/',
];
const request = (method: string, target: string, rawHeaders: string[]): HttpRequest => ({
  method,
  target,
  version: '1.1',
  rawHeaders,
});

const cases: readonly { readonly name: string; readonly request: HttpRequest }[] = [
  {
    name: 'ordinary',
    request: request('GET', '/articles/2026/a-page.html?ref=home', browser('www.example.net')),
  },
  { name: 'ordinary, wildcard host', request: request('GET', '/', browser('a.b.shop.example.net')) },
  {
    name: 'ordinary, own absolute-form',
    request: request('GET', 'http://www.example.net/x?y', browser('www.example.net')),
  },
  {
    name: 'probe, absolute-form',
    request: request('GET', 'http://www.example.com/', browser('www.example.com')),
  },
  {
    name: 'probe, CONNECT',
    request: request('CONNECT', 'mail.example.com:25', browser('mail.example.com:25')),
  },
];

function policy(hosts: number): Policy {
  const more = Array.from({ length: hosts }, (_, i) => `h${i}.example.org, "*.w${i}.example.org"`).join(', ');
  return compile(
    parseConfig(
      `sites: [{ hosts: [www.example.net, "*.shop.example.net"${more === '' ? '' : `, ${more}`}], backend: welcome }]`,
      '.',
    ),
  ).policy;
}

export async function run(options: BenchOptions): Promise<void> {
  const rounds = options.quick === true ? 3 : 15;
  const times = options.quick === true ? 50_000 : 300_000;
  for (const hosts of [0, 10_000]) {
    const one = policy(hosts);
    for (const { name, request } of cases) {
      for (let i = 0; i < times; i++) judge(request, one);
      const nanoseconds: number[] = [];
      const bytes: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const heap = process.memoryUsage().heapUsed;
        for (let i = 0; i < 2000; i++) judge(request, one);
        bytes.push((process.memoryUsage().heapUsed - heap) / 2000);
        const start = process.hrtime.bigint();
        for (let i = 0; i < times; i++) judge(request, one);
        nanoseconds.push(Number(process.hrtime.bigint() - start) / times);
      }
      const result = {
        bench: 'judge',
        case: name,
        hosts: 2 + hosts * 2,
        nanoseconds: Math.round(median(nanoseconds)),
        bytes: Math.round(median(bytes)),
      };
      print(
        options,
        result,
        `${name.padEnd(30)} ${String(result.hosts).padStart(6)} hosts ${String(result.nanoseconds).padStart(6)} ns ${String(result.bytes).padStart(6)} bytes`,
      );
    }
  }
}

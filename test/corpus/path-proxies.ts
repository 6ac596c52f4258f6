import type { Intent } from '../../src/rules/intent.ts';
import { flagged, head, legitimate } from './request.ts';
import type { CorpusRow } from './row.ts';

const reported = (
  id: string,
  target: string,
  reference = 'scanners that look for proxy scripts',
): CorpusRow => ({
  id: `path-proxy-${id}`,
  reference,
  bytes: head(`GET ${target} HTTP/1.1`, 'Host: www.example.net'),
  expect: flagged('path-proxy', `GET ${target} HTTP/1.1`),
});

const silent = (id: string, target: string, reference: string): CorpusRow =>
  legitimate({
    id: `path-proxy-no-${id}`,
    reference,
    head: [`GET ${target} HTTP/1.1`, 'Host: www.example.net'],
  });

const metadata = '169.254.169.254';

/** Targets that name something for a script to fetch: their intent, and whether they count. */
export const pathProxyTargets: readonly [id: string, target: string, intent: Intent, counts: boolean][] = [
  ['metadata-collapsed', `/proxy/http:/${metadata}/latest/meta-data/`, 'metadata', true],
  ['metadata-url', `/proxy/http://${metadata}/latest/meta-data/iam/`, 'metadata', true],
  ['metadata-host', `/proxy/${metadata}/latest/meta-data/`, 'metadata', true],
  ['metadata-mapped', '/proxy/[::ffff:a9fe:a9fe]/latest/', 'metadata', true],
  ['metadata-decimal', '/proxy/2852039166/latest/', 'metadata', true],
  ['metadata-hexadecimal', '/proxy/0xa9fea9fe/latest/', 'metadata', true],
  ['metadata-octal', '/proxy/0251.0376.0251.0376/latest/', 'metadata', true],
  ['metadata-name', '/proxy/metadata.google.internal/computeMetadata/v1/', 'metadata', true],
  ['metadata-nip-io', `/proxy/http://${metadata}.nip.io/`, 'metadata', true],
  ['metadata-parameter', `/proxy?url=http://${metadata}/latest/`, 'metadata', true],
  ['metadata-parameter-encoded', `/?url=http%3A%2F%2F${metadata}%2Flatest`, 'metadata', true],
  ['metadata-parameter-twice-encoded', `/fetch?u=http%253A%252F%252F${metadata}%252F`, 'metadata', true],
  ['metadata-nat64', '/?src=http://[64:ff9b::a9fe:a9fe]/', 'metadata', true],
  ['metadata-in-depth', `/app/static/http://${metadata}/x`, 'metadata', false],
  ['metadata-bare-in-depth', `/a/b/${metadata}/latest/`, 'metadata', true],
  ['metadata-azure', '/proxy/168.63.129.16/machine?comp=goalstate', 'metadata', true],
  ['private-host', '/proxy/10.0.0.1/', 'private-network', true],
  ['private-host-in-depth', '/app/proxy/192.168.0.1/', 'private-network', true],
  ['loopback-host', '/proxy/127.0.0.1:6379/', 'loopback', true],
  ['loopback-short', '/proxy/127.1/', 'loopback', true],
  ['loopback-name', '/proxy/http://localhost:9200/_cat', 'loopback', true],
  ['loopback-parameter', '/proxy?url=http://127.0.0.1:8500/', 'loopback', true],
  ['loopback-parameter-of-a-page', '/load?url=http://127.0.0.1:8500/', 'loopback', false],
  ['foreign-host', '/proxy/www.example.com/', 'web', false],
  ['foreign-host-by-scheme', '/https/www.example.com/', 'web', false],
  ['foreign-cors', '/cors/https://www.example.com/', 'web', false],
  ['foreign-cors-anywhere', '/cors-anywhere/http://www.example.com/', 'web', false],
  ['foreign-encoded', '/http%3A%2F%2Fwww.example.com%2F', 'web', false],
  ['foreign-encoded-slashes', '/%2f%2fwww.example.com/', 'web', false],
  ['foreign-encoded-backslashes', '/%5c%5cwww.example.com/', 'web', false],
  ['foreign-php-proxy', '/proxy.php/http://www.example.com/', 'web', false],
  ['judge-parameter', '/?url=http://httpheader.net/', 'proxy-judge', false],
];

export const pathProxies: CorpusRow[] = [
  ...pathProxyTargets.map(([id, target]) => reported(id, target)),
  silent('archived-page', '/web/2020/http://www.example.org/', 'web archives'),
  silent('next', '/login?next=https://www.example.org/a', 'log-ins'),
  silent('next-encoded', '/login?next=https%3A%2F%2Fwww.example.org%2Fa', 'log-ins'),
  silent('native-app', '/authorize?redirect_uri=http://127.0.0.1:53682/', 'RFC 8252 section 7.3'),
  silent(
    'native-app-encoded',
    '/authorize?redirect_uri=http%3A%2F%2Flocalhost%3A8400%2F',
    'RFC 8252 section 7.3',
  ),
  silent('command', '/setup.cgi?cmd=wget+http://192.168.1.1:8088/a', 'worms that take over routers'),
  silent('limit', '/list?limit=2147483647', 'paging; the number lies in 127/8'),
  silent('number-segment', '/items/2852039166', 'numeric ids'),
  silent('jupyter-port', '/proxy/8080/api', 'jupyter-server-proxy'),
  silent('jupyter-absolute', '/proxy/absolute/8888/', 'jupyter-server-proxy'),
  silent('code-server-port', '/absproxy/3000/', 'code-server'),
  silent('grafana', '/api/datasources/proxy/1/api/v1/query?query=up', 'Grafana'),
  silent('kubernetes', '/api/v1/namespaces/default/services/http:web:80/proxy/', 'Kubernetes API'),
  silent('kubernetes-node', '/api/v1/nodes/10.0.0.5:10250/proxy/metrics', 'Kubernetes API'),
  silent('home-assistant', '/api/camera_proxy/camera.front?token=a', 'Home Assistant'),
  silent('manual-page', '/http/headers.html', 'manuals of HTTP'),
  silent('manual-page-of-proxies', '/docs/proxy/setup.html', 'manuals'),
  silent('proxy-configuration', '/proxy.pac', 'proxy auto-configuration'),
  silent('version', '/proxy/1.2/readme.txt', 'downloads'),
  silent('thumbnails', '/unsafe/300x200/https://www.example.org/a.jpg', 'thumbor'),
  silent('resized', '/cdn-cgi/image/width=80/https://www.example.org/a.jpg', 'image resizing of CDNs'),
  silent('imported-image', '/_next/image?url=https%3A%2F%2Fwww.example.org%2Fa.png&w=64', 'Next.js'),
  silent('own-url', '/proxy/https://www.example.net/a', 'a URL of our own'),
  silent('metadata-word', '/api/metadata/v1', 'APIs'),
  silent('time', '/log?from=2026-01-01T10:00:00%2B01:00', 'RFC 3339'),
  silent('address-as-value', '/hosts?ip=192.168.0.1', 'management pages'),
  silent('address-as-segment', '/hosts/192.168.0.1/status', 'management pages'),
  silent('encoded-slash', '/%2fetc', 'clumsy links'),
  silent('encoded-name', '/files/a%2Fb%3Ac.txt', 'names with a slash'),
  silent('git', '/proxy-tools.git/info/refs?service=git-upload-pack', 'Git'),
  silent('go-module', '/proxy/golang/@v/list', 'Go modules'),
];

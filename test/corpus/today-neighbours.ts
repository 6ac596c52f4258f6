import { legitimate } from './request.ts';
import type { CorpusRow } from './row.ts';

const host = 'Host: www.example.net';
const got = (id: string, target: string, reference: string, ...fields: string[]): CorpusRow =>
  legitimate({ id: `neighbour-${id}`, reference, head: [`GET ${target} HTTP/1.1`, host, ...fields] });
const asked = (id: string, method: string, reference: string, ...fields: string[]): CorpusRow =>
  legitimate({ id: `neighbour-${id}`, reference, head: [`${method} /dav/ HTTP/1.1`, host, ...fields] });

/** Legitimate requests that look like probes of today: they are served without a signal. */
export const todayNeighbours: CorpusRow[] = [
  got('own-trace-page', '/cdn-cgi/trace', 'Cloudflare: monitors ask the own site'),
  got('own-no-content-page', '/generate_204', 'players and apps ask the own site'),
  got('own-connect-test', '/connecttest.txt', 'a site that serves the check itself'),
  got('own-address-page', '/ip', 'a site that tells visitors their address'),
  got('judge-in-a-query', '/search?q=httpbin.org', 'somebody looks for a judge'),
  got('proxy-in-a-title', '/blog/how-to-use-a-proxy-server', 'a page about proxies'),
  got('socks-in-a-title', '/blog/socks5-explained?page=2', 'a page about proxies'),
  got('masque-in-a-path', '/blog/masque/udp/', 'a page about MASQUE'),
  got('masque-configuration', '/.well-known/masque', 'a MASQUE path without a target'),
  got(
    'foreign-referer',
    '/',
    'RFC 9110 section 10.1.3',
    'Referer: http://www.example.com/?u=http://10.0.0.1/',
  ),
  got(
    'robot-with-a-url',
    '/robots.txt',
    'robots name their page',
    'User-Agent: bot/1.0 (+http://www.example.com/)',
  ),
  got('via-of-a-visitors-proxy', '/', 'RFC 9110 section 7.6.3', 'Via: 1.1 proxy.example.com'),
  got('upgrade-insecure', '/', 'Upgrade Insecure Requests', 'Upgrade-Insecure-Requests: 1'),
  got('own-forwarded-host', '/', 'proxies in front', 'X-Forwarded-Host: www.example.net'),
  got('open-id-return', '/auth?redirect_uri=http%3A%2F%2F127.0.0.1%3A49152%2Fcb', 'RFC 8252 section 7.3'),
  got('share-link', '/share?url=https%3A%2F%2Fwww.example.com%2Fa&text=b', 'buttons to share a page'),
  got('feed-of-a-site', '/feeds?feed=https://www.example.com/rss.xml', 'feed readers'),
  got('oembed', '/oembed?url=https%3A%2F%2Fwww.example.com%2Fvideo%2F1&format=json', 'oEmbed'),
  got('map-tile', '/tiles/12/2130/1406.png', 'map servers'),
  got('phone-number', '/items?code=2852039166', 'numbers that lie in a special range'),
  got('version-in-a-path', '/releases/10.0.0.1/notes', 'a version that looks like a private address'),
  got('address-in-a-form', '/whois?address=198.51.100.7', 'pages about addresses'),
  got('well-known-change-password', '/.well-known/change-password', 'W3C, change-password'),
  asked('webdav-of-office', 'PROPFIND', 'RFC 4918 section 9.1', 'Depth: 0', 'Content-Length: 0'),
  asked(
    'options-of-office',
    'OPTIONS',
    'Microsoft Office asks before it opens',
    'User-Agent: Microsoft Office Word',
  ),
  asked('report-of-a-calendar', 'REPORT', 'RFC 4791 section 7', 'Depth: 1', 'Content-Length: 0'),
  asked('label-of-deltav', 'LABEL', 'RFC 3253 section 8.2', 'Depth: 1', 'Content-Length: 0'),
  asked('search-of-webdav', 'SEARCH', 'RFC 5323', 'Content-Length: 0'),
  asked('query', 'QUERY', 'the HTTP QUERY method', 'Content-Length: 0'),
];

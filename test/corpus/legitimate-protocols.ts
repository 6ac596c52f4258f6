import { legitimate, own } from './request.ts';
import type { CorpusRow } from './row.ts';

const host = `Host: ${own}`;

/** A request of a protocol built on HTTP. */
const speaks = (
  id: string,
  reference: string,
  line: string,
  headers: string[] = [],
  body?: string,
): CorpusRow =>
  legitimate({
    id,
    reference,
    head: [
      `${line} HTTP/1.1`,
      host,
      ...headers,
      ...(body === undefined ? [] : [`Content-Length: ${body.length}`]),
    ],
    ...(body !== undefined && { body }),
  });

const xml = 'Content-Type: application/xml; charset="utf-8"';
const propfind = '<?xml version="1.0"?><propfind xmlns="DAV:"><allprop/></propfind>';
const lockinfo =
  '<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>';

export const legitimateProtocols: CorpusRow[] = [
  speaks('options-asterisk', 'RFC 9110 section 9.3.7', 'OPTIONS *'),
  speaks('options-path', 'RFC 9110 section 9.3.7', 'OPTIONS /a'),
  speaks('webdav-options', 'Microsoft-WebDAV-MiniRedir', 'OPTIONS /', [
    'User-Agent: Microsoft-WebDAV-MiniRedir/10.0.26100',
    'translate: f',
  ]),
  speaks('webdav-propfind', 'RFC 4918 section 9.1', 'PROPFIND /files/', ['Depth: 1', xml], propfind),
  speaks(
    'webdav-propfind-without-body',
    'RFC 4918 section 9.1; macOS Finder',
    'PROPFIND /',
    ['Depth: 0'],
    '',
  ),
  speaks('webdav-proppatch', 'RFC 4918 section 9.2', 'PROPPATCH /a', [xml], '<propertyupdate xmlns="DAV:"/>'),
  speaks('webdav-mkcol', 'RFC 4918 section 9.3', 'MKCOL /new/'),
  speaks('webdav-copy-own-destination', 'RFC 4918 section 9.8', 'COPY /a', [
    'Destination: http://www.example.net/b',
    'Overwrite: F',
    'Depth: infinity',
  ]),
  speaks('webdav-move-own-destination', 'RFC 4918 section 9.9', 'MOVE /a', [
    'Destination: http://www.example.net/b%20c',
  ]),
  speaks('webdav-move-https-destination', 'RFC 4918 section 9.9, behind a TLS terminator', 'MOVE /a', [
    'Destination: https://www.example.net/b',
  ]),
  speaks('webdav-move-path-destination', 'RFC 4918 section 8.3: a simple-ref', 'MOVE /a', [
    'Destination: /b',
  ]),
  speaks(
    'webdav-lock',
    'RFC 4918 section 9.10',
    'LOCK /a',
    ['Timeout: Infinite, Second-4100000000', xml],
    lockinfo,
  ),
  speaks('webdav-lock-refresh', 'RFC 4918 section 9.10.2', 'LOCK /a', [
    'If: (<urn:uuid:e71d4fae-5dec-22d6-fea5-00a0c91e6be4>)',
  ]),
  speaks('webdav-unlock', 'RFC 4918 section 9.11', 'UNLOCK /a', [
    'Lock-Token: <urn:uuid:e71d4fae-5dec-22d6-fea5-00a0c91e6be4>',
  ]),
  speaks(
    'webdav-tagged-if',
    'RFC 4918 section 10.4.2',
    'PUT /a',
    ['If: <http://www.example.net/a> (<urn:uuid:e71d4fae>) ([W/"A"])'],
    'x',
  ),
  speaks('webdav-search', 'RFC 5323 section 2', 'SEARCH /', [xml], '<searchrequest xmlns="DAV:"/>'),
  speaks('webdav-acl', 'RFC 3744 section 8.1', 'ACL /a', [xml], '<acl xmlns="DAV:"/>'),
  speaks('webdav-bind', 'RFC 5842 section 4', 'BIND /a', [xml], '<bind xmlns="DAV:"/>'),
  speaks(
    'caldav-report',
    'RFC 4791 section 7.8',
    'REPORT /calendars/test/',
    ['Depth: 1', xml],
    '<calendar-query xmlns="urn:ietf:params:xml:ns:caldav"/>',
  ),
  speaks('caldav-mkcalendar', 'RFC 4791 section 5.3.1', 'MKCALENDAR /calendars/test/new/'),
  speaks(
    'carddav-well-known',
    'RFC 6764 section 5',
    'PROPFIND /.well-known/carddav',
    ['Depth: 0', xml],
    propfind,
  ),
  speaks('nextcloud-chunk-upload', 'Nextcloud desktop client', 'MOVE /remote.php/dav/uploads/test/1/.file', [
    'Destination: http://www.example.net/remote.php/dav/files/test/a.bin',
    'OC-Total-Length: 5',
  ]),
  speaks('subversion-merge', 'Subversion mod_dav_svn', 'MERGE /svn/repo', [xml], '<merge xmlns="DAV:"/>'),
  speaks(
    'subversion-checkout',
    'RFC 3253 section 4.3',
    'CHECKOUT /svn/repo/!svn/bln/1',
    [xml],
    '<checkout xmlns="DAV:"/>',
  ),
  speaks('git-discovery', 'git 2, smart HTTP', 'GET /repo.git/info/refs?service=git-upload-pack', [
    'User-Agent: git/2.51.0',
    'Accept: */*',
    'Accept-Encoding: deflate, gzip',
    'Pragma: no-cache',
    'Git-Protocol: version=2',
  ]),
  speaks(
    'git-fetch',
    'git 2, smart HTTP',
    'POST /repo.git/git-upload-pack',
    [
      'User-Agent: git/2.51.0',
      'Content-Type: application/x-git-upload-pack-request',
      'Accept: application/x-git-upload-pack-result',
      'Git-Protocol: version=2',
    ],
    '0014command=ls-refs\n0000',
  ),
  speaks(
    'container-registry-manifest',
    'OCI Distribution 1.1',
    'HEAD /v2/library/app/manifests/sha256:0123abcd',
    ['Accept: application/vnd.oci.image.index.v1+json'],
  ),
  speaks(
    'container-registry-mount',
    'OCI Distribution 1.1',
    'POST /v2/app/blobs/uploads/?mount=sha256:0123abcd&from=base',
    [],
    '',
  ),
  speaks(
    's3-signed-get',
    'AWS Signature Version 4',
    'GET /bucket/key?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=test%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-SignedHeaders=host',
    ['x-amz-content-sha256: UNSIGNED-PAYLOAD'],
  ),
  speaks('upnp-subscribe', 'UPnP Device Architecture 2.0 section 4', 'SUBSCRIBE /event', [
    'CALLBACK: <http://192.168.1.20:49152/>',
    'NT: upnp:event',
    'TIMEOUT: Second-300',
  ]),
  speaks(
    'upnp-notify',
    'UPnP Device Architecture 2.0 section 4',
    'NOTIFY /callback',
    ['NT: upnp:event', 'NTS: upnp:propchange', 'SID: uuid:0', 'SEQ: 0'],
    '<e/>',
  ),
  speaks('cache-purge', 'Varnish and nginx cache purging', 'PURGE /a'),
  speaks('link-method', 'RFC 2068 section 19.6.1.2', 'LINK /a', [
    'Link: <http://www.example.com/>; rel="author"',
  ]),
  speaks(
    'xmpp-bosh',
    'XEP-0124',
    'POST /http-bind',
    ['Content-Type: text/xml; charset=utf-8'],
    "<body rid='1' to='example.net' xmlns='http://jabber.org/protocol/httpbind'/>",
  ),
  speaks(
    'activitypub-inbox',
    'ActivityPub; HTTP signatures',
    'POST /inbox',
    [
      'Date: Wed, 21 Oct 2015 07:28:00 GMT',
      'Signature: keyId="https://social.example.org/users/a#main-key",headers="(request-target) host date",signature="AA=="',
      'Content-Type: application/activity+json',
    ],
    '{"id":"https://social.example.org/1"}',
  ),
  speaks('webfinger', 'RFC 7033 section 4', 'GET /.well-known/webfinger?resource=acct:test@example.net'),
];

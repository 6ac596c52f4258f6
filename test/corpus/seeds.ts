import { head, own, refused, served } from './request.ts';
import type { CorpusRow } from './row.ts';

/** The probes, and one legitimate look-alike, that the gateway was designed for. */
export const seeds: CorpusRow[] = [
  {
    id: 'foreign-absolute-form-http10-no-host',
    reference: 'RFC 9112 section 3.2.2; open proxy scanners',
    bytes: head('GET http://www.example.com/index.html HTTP/1.0'),
    expect: refused('absolute-form-foreign', 421, {
      intent: 'web',
      destination: 'http://www.example.com/index.html',
    }),
  },
  {
    // The body is shorter than its Content-Length, as in real probes: the verdict must not wait for the rest.
    id: 'foreign-post-remote-file-inclusion',
    reference: 'Joomla com_content remote file inclusion sent through open proxies',
    bytes:
      head(
        'POST http://www.example.com/index.php HTTP/1.1',
        'Host: www.example.com',
        'Proxy-Connection: Keep-Alive',
        'Pragma: no-cache',
        'Referer: http://www.example.com/query.htm',
        'Content-Type: application/x-www-form-urlencoded',
        'Content-Length: 999',
      ) +
      'option=com_content&do_pdf=1&id=1index2.php?_REQUEST[option]=com_content&_REQUEST[Itemid]=1&GLOBALS=&mosConfig_absolute_path=http://www.example.org',
    expect: refused('absolute-form-foreign', 421, {
      rules: ['proxy-connection'],
      intent: 'third-party-attack',
      destination: 'http://www.example.com/index.php',
    }),
  },
  {
    id: 'connect-to-foreign-mail-port',
    reference: 'RFC 9110 section 9.3.6; spam relay through CONNECT',
    bytes: head('CONNECT mail.example.com:25 HTTP/1.0'),
    expect: refused('connect', 405, { intent: 'mail-relay', destination: 'mail.example.com:25' }),
  },
  {
    id: 'connect-to-foreign-https-port',
    reference: 'RFC 9110 section 9.3.6',
    bytes: head('CONNECT mail.example.com:443 HTTP/1.0'),
    expect: refused('connect', 405, { intent: 'web', destination: 'mail.example.com:443' }),
  },
  {
    id: 'connect-to-own-name',
    reference: 'RFC 9110 section 9.3.6',
    bytes: head('CONNECT www.example.net:443 HTTP/1.1', 'Host: www.example.net:443'),
    expect: refused('connect', 405, { intent: 'web', destination: 'www.example.net:443' }),
  },
  {
    id: 'connect-with-junk-after-it',
    reference: 'RFC 9110 section 9.3.6; a client that does not wait for the 200',
    bytes: head('CONNECT mail.example.com:25 HTTP/1.0') + 'EHLO mail.example.org\r\n\x00\xff\x16\x03\x01',
    expect: refused('connect', 405, { intent: 'mail-relay', destination: 'mail.example.com:25' }),
  },
  {
    id: 'own-absolute-form-of-in-app-browser',
    reference: 'RFC 9112 section 3.2.2; an in-app browser',
    bytes: head('GET http://www.example.net:80/x?y HTTP/1.1', 'Host: www.example.net'),
    expect: served('GET /x?y HTTP/1.1', { host: own }),
  },
];

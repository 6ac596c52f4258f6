import type { FoldedEvent } from '../src/events/fold.ts';

/** A unique event, from one of 5,000 sources to one of 20,000 hosts. */
export function madeUpEvent(i: number, time: number): FoldedEvent {
  const client = `198.18.${(i * 7919) % 20}.${(i * 31) % 250}`;
  const host = `host${i % 20_000}.example.com:80`;
  return {
    time,
    last: time,
    count: 1 + (i % 3),
    listener: 'http 127.0.0.1:8080',
    client,
    prefix: `${client}/32`,
    site: null,
    action: 'block',
    rule: (['connect', 'absolute-form-foreign', 'host-foreign', 'socks5', 'framing'] as const)[i % 5]!,
    counts: true,
    rules: ['connect'],
    intent: (['web', 'mail-relay', 'proxy-judge'] as const)[i % 3]!,
    destination: `http://${host}/${i}`,
    answer: 421,
    why: `The sender wanted a page of another server fetched through this one: http://${host}/${i}.`,
    request: `GET http://${host}/${i} HTTP/1.1`,
    bytes: `GET http://${host}/${i} HTTP/1.1\\r\\nHost: ${host}\\r\\nUser-Agent: Mozilla/5.0\\r\\n\\r\\n`,
  };
}

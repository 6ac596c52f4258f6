/** Text blocks that code-blocks.test.ts does not run, each with the test that does, or the reason why none can. */
export const shownOnly: readonly { readonly path: string; readonly says: string; readonly why: string }[] = [
  ...['README.md', 'README.ja.md'].map((path) => ({
    path,
    says: 'blocked      127.0.0.1',
    why: 'the terminal log: transcripts.test.ts compares it with the program',
  })),
  {
    path: 'CONTRIBUTING.md',
    says: 'the program, room by room',
    why: 'the tree of folders',
  },
  {
    path: 'docs/architecture.md',
    says: 'cli, index',
    why: 'who may import whom: test/structure/imports.test.ts reads it',
  },
  {
    path: 'docs/explanation/why-200-does-not-mean-relayed.md',
    says: 'GET http://www.example.com/',
    why: 'a log line: the transcript on the same page scans it',
  },
  {
    path: 'docs/reference/log-formats.md',
    says: '',
    why: 'log lines: test/scan/examples.test.ts reads each with scan and explain',
  },
  { path: 'docs/fleet.md', says: 'clients', why: 'a drawing' },
  {
    path: 'docs/fleet.md',
    says: 'ACL SETUSER',
    why: 'test/fleet/valkey-store.test.ts gives these rights to a user of a real server, and no others',
  },
  {
    path: 'docs/how-to/bans.md',
    says: 'sekisho bans add',
    why: 'needs a running gateway: the tutorial runs the same commands',
  },
  {
    path: 'docs/how-to/smtp-postfix-exim.md',
    says: 'swaks',
    why: "needs the reader's mail server: test/smtp and test/examples/smtp.test.ts send the same mails",
  },
  {
    path: 'docs/tutorial/protect-apache.md',
    says: 'blocked      127.0.0.1',
    why: 'the terminal log: tutorial.test.ts compares it with the program',
  },
  {
    path: 'docs/how-to/fastify.md',
    says: 'is a URL, not a host',
    why: 'faults of options: fastify-page.test.ts gives the options, and compares the message',
  },
  {
    path: 'docs/reference/cli.md',
    says: 'sekisho ',
    why: 'generated from the program',
  },
];

import type { FastifyReply } from 'fastify';

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sekisho is running</title>
<style>
  :root { color-scheme: light dark; --ink: #1f2328; --paper: #fbfaf7; --seal: #b3392f; --line: #d9d5cb }
  @media (prefers-color-scheme: dark) { :root { --ink: #e6e3dc; --paper: #17181b; --seal: #e2735f; --line: #34363c } }
  body { margin: 0; font: 1.05rem/1.6 system-ui, sans-serif; color: var(--ink); background: var(--paper) }
  main { max-width: 40rem; margin: 12vh auto; padding: 0 1.25rem }
  h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 1rem }
  h1 span { color: var(--seal) }
  pre { overflow-x: auto; padding: .9rem 1rem; border: 1px solid var(--line); border-radius: .4rem; font-size: .9rem }
</style>
<main>
<h1><span>関所</span> Sekisho is running</h1>
<p>This page comes from the welcome backend behind the checkpoint: your request was judged harmless and passed on.
Put your own server behind it by naming it as <code>backend</code> in the config.</p>
<p>Now knock as a scanner would, and read what it gets and what the log says:</p>
<pre>curl -i -x http://127.0.0.1:8080 http://www.example.com/</pre>
</main>
</html>
`;

/** The built-in backend of the default config. Nothing is dialled for it. */
export function welcome(reply: FastifyReply): FastifyReply {
  return reply
    .type('text/html; charset=utf-8')
    .header('Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'")
    .header('X-Content-Type-Options', 'nosniff')
    .send(page);
}

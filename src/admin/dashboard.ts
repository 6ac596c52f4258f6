/** Serves the files of the dashboard, read once at start. Needs `sekisho-admin`, which requires the token for them. */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { readDashboardFiles } from './dashboard-files.ts';
import { requestLanguage } from './request-language.ts';

async function dashboardPlugin(app: FastifyInstance): Promise<void> {
  const files = readDashboardFiles();
  if (files === null) {
    app.get('/', { schema: { hide: true } }, async (_request, reply) =>
      reply.code(503).type('text/plain').send('The dashboard is not built: npm run dashboard\n'),
    );
    return;
  }
  const front = files.get('/index.html')!;
  const page = front.body.toString();
  app.get('/', { schema: { hide: true } }, async ({ headers }, reply) => {
    const language = requestLanguage(headers);
    return reply
      .header('Vary', 'Accept-Language, Cookie')
      .type(front.type)
      .send(page.replace('<html lang="en">', `<html lang="${language}">`));
  });
  for (const [path, { body, type }] of files) {
    if (path === '/index.html') continue;
    app.get(path, { schema: { hide: true } }, async (_request, reply) => {
      // Names under /assets/ contain a hash of the content.
      if (path.startsWith('/assets/')) reply.header('Cache-Control', 'private, max-age=31536000, immutable');
      return reply.type(type).send(body);
    });
  }
}

export const dashboard = fp(dashboardPlugin, {
  name: 'sekisho-dashboard',
  fastify: '5.x',
  dependencies: ['sekisho-admin'],
});

/** Notes over JSON, with Express. */
import { createServer } from 'node:http';
import express from 'express';
import { guard } from 'sekisho/guard';

export function buildServer() {
  const app = express();
  app.use(express.json({ limit: '10kb' }));
  const notes = [];
  app.get('/notes', (_req, res) => res.json(notes));
  app.post('/notes', (req, res) => {
    notes.push({ text: String(req.body.text) });
    res.status(201).json(notes.at(-1));
  });
  const server = createServer(app);
  // Runs before Express: no middleware sees a refused request.
  if (process.env.GUARD !== 'off') guard(server, { hosts: ['www.example.net', 'localhost', '127.0.0.1'] });
  return server;
}

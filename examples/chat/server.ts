import { buildApp } from './app.ts';

const app = await buildApp();
console.log(await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 3001) }));

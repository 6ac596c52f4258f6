/** Preloaded (`--import`) into a program: appends the name of every loaded file to the file named by LOADED_LIST. */
import { appendFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

registerHooks({
  load: (url, context, next) => {
    appendFileSync(process.env.LOADED_LIST!, `${url}\n`);
    return next(url, context);
  },
});

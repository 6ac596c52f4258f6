/** Preloaded (`--import`) into a program: appends the name of every file that it loads to the file that LOADED_LIST names. */
import { appendFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

registerHooks({
  load: (url, context, next) => {
    appendFileSync(process.env.LOADED_LIST!, `${url}\n`);
    return next(url, context);
  },
});

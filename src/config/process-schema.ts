/** The part of the schema about the process itself: workers and the log. */
import Type from 'typebox';
import { object, word } from './schema-parts.ts';

export const workers = Type.Union(
  [
    Type.Integer({ minimum: 1, maximum: 256, fix: 'write a whole number from 1 to 256, or auto' }),
    Type.Literal('auto'),
  ],
  {
    default: 1,
    fix: 'write a whole number from 1 to 256, or auto',
    description: 'Processes that share the listeners; `auto`: one for each processor.',
  },
);

export const log = object(
  {
    file: Type.Optional(
      Type.String({
        minLength: 1,
        fix: 'name a file, or remove it for stderr',
        description:
          'The file that every process appends its log to; default: stderr. SIGHUP and SIGUSR2 reopen it, so that logrotate ' +
          'can move it; copytruncate works too.',
      }),
    ),
    level: word(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
      default: 'info',
      description: 'The lowest level that is logged.',
    }),
    format: word(['auto', 'json', 'pretty', 'ecs'], {
      default: 'auto',
      description:
        '`json`: one object per line; `ecs`: the same with the names of the Elastic Common Schema; `pretty`: for people; `auto`: pretty on a terminal, ' +
        'else json; in a file json.',
    }),
    access: Type.Unsafe<boolean | 'json' | 'combined'>({
      enum: [false, true, 'json', 'combined'],
      default: false,
      fix: 'write false, json or combined',
      description:
        'A line for each request that was passed on: `json` (`true` is the same) as entries of the log; `combined` in the Combined Log Format ' +
        'that GoAccess and AWStats read, in `access.log` in the folder of `file`, or on stderr among the other lines. Times are UTC. `false`: ' +
        'none. Probes are always logged.',
    }),
  },
  { default: {}, description: 'The log.' },
);

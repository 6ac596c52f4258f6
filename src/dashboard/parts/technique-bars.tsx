/** Probes by rule: a bar each, with a short description and the id. */
import type { JSX } from 'preact';
import type { SummaryAnswer } from '../api.ts';
import { t } from '../language.ts';
import { href } from '../route.ts';
import { techniqueWords } from '../words.ts';
import { Bars } from './bars.tsx';

interface TechniqueBarsProps {
  readonly rules: SummaryAnswer['rules'];
  /** Further filters of the links. */
  readonly filter?: Readonly<Record<string, string>>;
}

export function TechniqueBars({ rules, filter = {} }: TechniqueBarsProps): JSX.Element {
  return (
    <Bars
      bars={rules.map(({ rule, action, count }) => ({
        key: `${rule} ${action}`,
        label: (
          <>
            {action === 'block' ? techniqueWords(rule) : t.wanted.flagged(techniqueWords(rule))}{' '}
            <small>{rule}</small>
          </>
        ),
        count,
        href: href('events', { ...filter, rule }),
      }))}
    />
  );
}

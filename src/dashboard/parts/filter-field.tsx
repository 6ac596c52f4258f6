import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

interface Props {
  readonly label: string;
  readonly id?: string;
  /** The filter in effect. */
  readonly value: string;
  readonly placeholder: string;
  /** Called after a pause in typing, or at once on Enter. */
  readonly onCommit: (value: string) => void;
}

/** Milliseconds without a key before the list is filtered: longer than it takes to click a line. */
const pause = 350;

/** A search field that keeps its text while live updates render the page again. */
export function FilterField({ label, id, value, placeholder, onCommit }: Props): JSX.Element {
  const [draft, setDraft] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const typed = useRef(false);
  // A late update of `value` must not overwrite newer typing.
  useEffect(() => {
    if (!typed.current) setDraft(value);
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current ?? undefined), []);
  const commit = (text: string) => {
    clearTimeout(timer.current ?? undefined);
    typed.current = false;
    if (text.trim() !== value) onCommit(text.trim());
  };
  return (
    <label class="field">
      {label}
      <input
        {...(id === undefined ? {} : { id })}
        type="search"
        value={draft}
        placeholder={placeholder}
        spellcheck={false}
        onInput={({ currentTarget }) => {
          const text = currentTarget.value;
          setDraft(text);
          typed.current = true;
          clearTimeout(timer.current ?? undefined);
          timer.current = setTimeout(() => commit(text), pause);
        }}
        onKeyDown={({ key }) => key === 'Enter' && commit(draft)}
      />
    </label>
  );
}

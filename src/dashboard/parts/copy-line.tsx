/** Text to take along, with a button that copies it. */
import type { JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { t } from '../language.ts';

export function CopyLine({ text, label }: { text: string; label: string }): JSX.Element {
  const box = useRef<HTMLElement>(null);
  const [said, setSaid] = useState(t.states.copy);
  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
      setSaid(t.states.copied);
    } catch {
      // Without TLS a browser may not copy by itself: the text is selected, one key is left.
      getSelection()?.selectAllChildren(box.current!);
      setSaid(t.states.selected);
    }
  }
  return (
    <div class="copy-line">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section ref={box} tabIndex={0} aria-label={label}>
        {text}
      </section>
      <button type="button" class="small" onClick={copy}>
        {said}
      </button>
    </div>
  );
}

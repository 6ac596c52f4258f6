/** The walks of a request in docs/architecture.md: which function in which file, in order. */

export interface Step {
  readonly file: string;
  /** As the page names it: `take`, `#onFrame`, `Http1Exchange`. */
  readonly name: string;
}

export interface Walk {
  /** Its heading. */
  readonly title: string;
  readonly steps: readonly Step[];
}

/** A name with `()` belongs to the file that is named before it. @throws where no file is */
export function walks(page: string): Walk[] {
  return [...page.matchAll(/^#{2,3} (The walk of .+)\n([\s\S]*?)(?=^#)/gm)].map(([, title, text]) => {
    const steps: Step[] = [];
    let file: string | null = null;
    for (const [, code] of text!.matchAll(/`([^`\n]+)`/g)) {
      if (/^(?:src|plugins)\/.*\.ts$/.test(code!)) file = code!;
      const name = /^(?:\w+\.)?(#?\w+)\(\)$/.exec(code!)?.[1];
      if (name === undefined) continue;
      if (file === null) throw new Error(`${title}: no file before ${code}`);
      steps.push({ file, name });
    }
    return { title: title!, steps };
  });
}

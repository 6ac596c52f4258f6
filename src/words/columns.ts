/** Text width on a terminal, where Japanese characters take two columns. */

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/g;

export const columns = (text: string): number => text.length + (text.match(wide)?.length ?? 0);

export const padRight = (text: string, width: number): string =>
  text + ' '.repeat(Math.max(0, width - columns(text)));

export const padLeft = (text: string, width: number): string =>
  ' '.repeat(Math.max(0, width - columns(text))) + text;

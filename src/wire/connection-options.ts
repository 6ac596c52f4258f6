/**
 * End-to-end fields: if a Connection line names one, a proxy on the path removes it,
 * and a check that relies on it no longer works (CVE-2022-31813: X-Forwarded-For stripped by Apache).
 * Names that are not listed here are taken for a sender's own hop-by-hop fields, which RFC 9110 section 7.6.1 allows.
 */
export const endToEndFields: ReadonlySet<string> = new Set(
  (
    'host content-length content-type content-encoding content-range content-location cookie set-cookie authorization ' +
    'forwarded via x-forwarded-for x-forwarded-host x-forwarded-proto x-forwarded-port x-forwarded-server x-real-ip ' +
    'x-client-ip true-client-ip cf-connecting-ip x-request-id origin referer user-agent accept accept-encoding ' +
    'accept-language cache-control pragma range if-match if-none-match if-modified-since if-unmodified-since if-range ' +
    'expect date max-forwards from x-csrf-token x-api-key x-original-url x-rewrite-url traceparent'
  ).split(' '),
);

/** The first option of a Connection value that names an end-to-end field; null if none does. */
export function strippedField(options: readonly string[]): string | null {
  return options.find((option) => endToEndFields.has(option)) ?? null;
}

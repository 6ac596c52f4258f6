/**
 * The methods an HTTP/1 message may carry here: the IANA registry as far as Node's parser knows it. A token outside
 * this list is refused as malformed, since a parser that guesses at methods also guesses at bodies.
 */
export const httpMethods: ReadonlySet<string> = new Set(
  (
    'ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY ' +
    'OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH SUBSCRIBE TRACE UNBIND UNLINK UNLOCK ' +
    'UNSUBSCRIBE'
  ).split(' '),
);

/** Methods on which content has no meaning of its own (RFC 9110 section 9.3), so that servers exist that do not look for it. */
export const contentless: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS']);

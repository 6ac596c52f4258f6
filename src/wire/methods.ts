/**
 * The methods that are passed on: the IANA registry (RFC 9110 section 16.1.1) without PRI, which is HTTP/2's own; those of
 * UPnP and of caches; and of Microsoft's, Outlook Anywhere (MS-RPCH) and WebDAV of Exchange. Nobody serves any other one, and
 * RFC 9110 section 9.1 has a 501 for it.
 */
export const httpMethods: ReadonlySet<string> = new Set(
  (
    'ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT CONNECT COPY DELETE GET HEAD LABEL LINK LOCK MERGE MKACTIVITY MKCALENDAR ' +
    'MKCOL MKREDIRECTREF MKWORKSPACE MOVE OPTIONS ORDERPATCH PATCH POST PROPFIND PROPPATCH PUT QUERY REBIND REPORT SEARCH ' +
    'TRACE UNBIND UNCHECKOUT UNLINK UNLOCK UPDATE UPDATEREDIRECTREF VERSION-CONTROL ' +
    'M-SEARCH NOTIFY SUBSCRIBE UNSUBSCRIBE PURGE ' +
    'RPC_IN_DATA RPC_OUT_DATA BCOPY BDELETE BMOVE BPROPFIND BPROPPATCH POLL'
  ).split(' '),
);

/** In a list of methods: all that are registered. */
export const registeredMethods = 'registered';

/** Methods on which content has no meaning of its own (RFC 9110 section 9.3), so that servers exist that do not look for it. */
export const contentless: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS']);

/**
 * The methods that are passed on: the IANA registry (RFC 9110 section 16.1.1) without PRI, which is HTTP/2's own; those of
 * UPnP and of caches; and Microsoft's: Outlook Anywhere (MS-RPCH) and the WebDAV of Exchange. Other methods get a 501
 * (RFC 9110 section 9.1).
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

/** The word that stands for all registered methods in a list. */
export const registeredMethods = 'registered';

/** Methods whose content has no defined meaning (RFC 9110 section 9.3): some servers do not read it. */
export const contentless: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS']);

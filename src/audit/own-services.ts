/** Services of the server's own machine that a relay gives away: cloud metadata, and what listens on loopback. */

/** Its answer to this holds nothing secret; the pages below it can. */
export const metadataPath = '/latest/meta-data/';

/** The same address as a browser, a resolver and inet_aton read it, and the names that clouds give it. */
export const metadataHosts: Readonly<Record<string, string>> = {
  metadata: '169.254.169.254',
  'metadata-decimal': '2852039166',
  'metadata-hex': '0xa9fea9fe',
  'metadata-name': 'instance-data.ec2.internal',
  'metadata-ipv6': '[fd00:ec2::254]',
  'metadata-google': 'metadata.google.internal',
};

/** What the services of AWS, Google, Azure and their like say, refusals included. */
export const metadataMarks =
  /^(?:ami-id|instance-id|local-ipv4)\/?\r?$|^Metadata-Flavor: Google|^Server: (?:EC2ws|IMDS|Metadata Server)|Required metadata header/im;

/** Greetings of SSH and mail servers, in a page or through a tunnel. */
export const greetingMarks = /(?:^|\n)(?:SSH-\d|220[ -])/;

/** Ports of loopback whose servers greet first. */
export const greetingPorts = { ssh: 22, mail: 25 } as const;

/** Services inside the server's machine or cloud that a relay exposes: metadata, and servers on loopback. */

/** This listing holds no secrets, unlike the pages below it. */
export const metadataPath = '/latest/meta-data/';

/** The metadata address, its spellings for inet_aton, and its names at cloud providers. */
export const metadataHosts: Readonly<Record<string, string>> = {
  metadata: '169.254.169.254',
  'metadata-decimal': '2852039166',
  'metadata-hex': '0xa9fea9fe',
  'metadata-name': 'instance-data.ec2.internal',
  'metadata-ipv6': '[fd00:ec2::254]',
  'metadata-google': 'metadata.google.internal',
};

/** Answers of the metadata services of AWS, Google, Azure and others, refusals included. */
export const metadataMarks =
  /^(?:ami-id|instance-id|local-ipv4)\/?\r?$|^Metadata-Flavor: Google|^Server: (?:EC2ws|IMDS|Metadata Server)|Required metadata header/im;

/** Greetings of SSH and mail servers, inside a page or through a tunnel. */
export const greetingMarks = /(?:^|\n)(?:SSH-\d|220[ -])/;

/** Loopback ports whose servers send a greeting first. */
export const greetingPorts = { ssh: 22, mail: 25 } as const;

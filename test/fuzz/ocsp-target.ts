/** The reader of OCSP responses, which come over plain HTTP. */
import { X509Certificate } from 'node:crypto';
import { OcspError, readResponse } from '../../src/ocsp/response.ts';
import { explicit, octets, oid, sequence, tlv } from '../../src/wire/der.ts';
import { must, type Target } from './target.ts';

/** A certificate, its issuer's, and responses that openssl made: signed by the issuer, by a responder it appointed, and of a revocation. */
const made = {
  leaf: 'MIIB1zCCAX2gAwIBAgICEAEwCgYIKoZIzj0EAwIwJDEQMA4GA1UECgwHU2VraXNobzEQMA4GA1UEAwwHVGVzdCBDQTAeFw0yNjExMjkxNjA4NTNaFw0yNjEyMDExNjA4NTNaMBoxGDAWBgNVBAMMD3d3dy5leGFtcGxlLm5ldDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABFRhKEow6m5thOMUfdDFt75mtevmhlAoqkxNh+oXBdk1PK3IPscv7HRwEA3Lewd5s+3uH/AoCQ2jY652W9Gm4e+jgagwgaUwGgYDVR0RBBMwEYIPd3d3LmV4YW1wbGUubmV0MBEGCCsGAQUFBwEYBAUwAwIBBTA0BggrBgEFBQcBAQQoMCYwJAYIKwYBBQUHMAGGGGh0dHA6Ly9vY3NwLmV4YW1wbGUubmV0LzAdBgNVHQ4EFgQUbtrOwdHGEebWCwEZZeswez/rPSgwHwYDVR0jBBgwFoAUzh7dX7qgkJAHMRjeeke0xr6XEtkwCgYIKoZIzj0EAwIDSAAwRQIgN8HYLCZ+S8Ij5CLn7/gpDahc+jTh5A81kv4/mO8X2HsCIQCmrQLDc1JEvJneNzv5t8Qs4CzwZoFfhYGxtdcneNuNag==',
  issuer:
    'MIIBnTCCAUOgAwIBAgIUdQS7K0nnPj8pKapOc1MsFfNTEkYwCgYIKoZIzj0EAwIwJDEQMA4GA1UECgwHU2VraXNobzEQMA4GA1UEAwwHVGVzdCBDQTAeFw0yNjExMjkxNjA4NTNaFw0yNjEyMDIxNjA4NTNaMCQxEDAOBgNVBAoMB1Nla2lzaG8xEDAOBgNVBAMMB1Rlc3QgQ0EwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARwmkZoKhd05K4Z0IyncpA29jrqHUlnM74o090FtdwdSo6nYPlBlkkofwJUbttt3HJ3ralGBQQZc5DJmgQKsNMLo1MwUTAdBgNVHQ4EFgQUzh7dX7qgkJAHMRjeeke0xr6XEtkwHwYDVR0jBBgwFoAUzh7dX7qgkJAHMRjeeke0xr6XEtkwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiAcA2JoC1+jfw1GXH+AzeH7OFLiPbOmgjc1hsS9oBi2+gIhAP8G7xSUG21BdrsmTSYUQNOj6BuQF5x6ZFOk3XKzmmZy',
  good: 'MIIBFQoBAKCCAQ4wggEKBgkrBgEFBQcwAQEEgfwwgfkwgaChJjAkMRAwDgYDVQQKDAdTZWtpc2hvMRAwDgYDVQQDDAdUZXN0IENBGA8yMDI2MTEyOTE2MDg1M1owZTBjMDswCQYFKw4DAhoFAAQUhZlygdkXz5jOXkoHZXjAOOHsLHgEFM4e3V+6oJCQBzEY3npHtMa+lxLZAgIQAYAAGA8yMDI2MTEyOTE2MDg1M1qgERgPMjAyNjExMzAxNjA4NTNaMAoGCCqGSM49BAMCA0gAMEUCIEesq6Tx/RGHQ2AZ57v3/CG2EVLXcsVGteDbRlpcHCgaAiEAsapwwNmLgYvy6wsam1J6NSh+Wk1QK+XgUmeuUjOoKIM=',
  delegated:
    'MIICvgoBAKCCArcwggKzBgkrBgEFBQcwAQEEggKkMIICoDCBl6EdMBsxGTAXBgNVBAMMEG9jc3AuZXhhbXBsZS5uZXQYDzIwMjYxMTI5MTYwODUzWjBlMGMwOzAJBgUrDgMCGgUABBSFmXKB2RfPmM5eSgdleMA44ewseAQUzh7dX7qgkJAHMRjeeke0xr6XEtkCAhABgAAYDzIwMjYxMTI5MTYwODUzWqARGA8yMDI2MTEzMDE2MDg1M1owCgYIKoZIzj0EAwIDSQAwRgIhALidt7I2cCUj+x48e6r19a3aZiwEjrnzljjWZxItXeNsAiEA9b++AR/ruobU+EblPeWReGpkNW8jBezVbM2XC9YUNZ2gggGrMIIBpzCCAaMwggFJoAMCAQICAhACMAoGCCqGSM49BAMCMCQxEDAOBgNVBAoMB1Nla2lzaG8xEDAOBgNVBAMMB1Rlc3QgQ0EwHhcNMjYxMTI5MTYwODUzWhcNMjYxMjAxMTYwODUzWjAbMRkwFwYDVQQDDBBvY3NwLmV4YW1wbGUubmV0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE78I7eyhHxzJUtpi6sdIORY1caEwdtIhYlFJl4+YhE0t1QzInjmw/weDAaI/aYUnLdVWJhhpTHz9LiyobY05uB6N0MHIwGwYDVR0RBBQwEoIQb2NzcC5leGFtcGxlLm5ldDATBgNVHSUEDDAKBggrBgEFBQcDCTAdBgNVHQ4EFgQU6c4zE8lhMnq7yvsYnY0hkS3UH28wHwYDVR0jBBgwFoAUzh7dX7qgkJAHMRjeeke0xr6XEtkwCgYIKoZIzj0EAwIDSAAwRQIgCtWeamf4hanp4XrXtlwNF3VrvG/uZVvNo5+gb1GnVUUCIQDpJ6UxEMx50ZenSY7TWqOrCKbeGLi4Ti10pFi2+ZAmBg==',
  revoked:
    'MIIBFAoBAKCCAQ0wggEJBgkrBgEFBQcwAQEEgfswgfgwgZ6hJjAkMRAwDgYDVQQKDAdTZWtpc2hvMRAwDgYDVQQDDAdUZXN0IENBGA8yMDI2MTEyOTE2MDg1M1owYzBhMDswCQYFKw4DAhoFAAQUhZlygdkXz5jOXkoHZXjAOOHsLHgEFM4e3V+6oJCQBzEY3npHtMa+lxLZAgIQAaERGA8yMDI1MDEwMTAwMDAwMFoYDzIwMjYxMTI5MTYwODUzWjAKBggqhkjOPQQDAgNJADBGAiEAne6hyOoPrInQCvIl1wyuaOzUjSB14JVwj6o9qISxiy4CIQCVL1WIxm+0UJwJoZ8WrbC6dhF9DbpAhYLRDE8w51GoWw==',
};
/** The responses are valid then. */
const now = 1795968534267;
const bytes = (text: string): Buffer => Buffer.from(text, 'base64');
const [certificate, issuer] = [
  new X509Certificate(bytes(made.leaf)),
  new X509Certificate(bytes(made.issuer)),
];
/** Thousands of the smallest integers, in place of what was signed. */
const wide = sequence(
  tlv(0x0a, Buffer.of(0)),
  explicit(
    0,
    sequence(
      oid('1.3.6.1.5.5.7.48.1.1'),
      octets(sequence(sequence(Buffer.alloc(12_000, Buffer.of(2, 1, 1))))),
    ),
  ),
);
const seeds = [bytes(made.good), bytes(made.delegated), bytes(made.revoked), wide];

export const ocspTarget: Target = {
  name: 'ocsp-response',
  seeds,
  words: [
    '\x30\x80',
    '\x30\x82\xff\xff',
    '\x30\x84\x7f\xff\xff\xff',
    '\x0a\x01\x03',
    '\x0a\x01\x00',
    '\x05\x00',
    '\x80\x00',
    '\xa1\x00',
    '\x82\x00',
    '\x18\x0f20260101000000Z',
    '\x18\x0f99999999999999Z',
    '\x06\x09+\x06\x01\x05\x05\x070\x01\x01',
    '\x03\x01\x00',
  ],
  run: (input) => {
    try {
      const { status } = readResponse(input, certificate, issuer, now);
      must(status !== 'unknown', 'only what was signed is believed');
      return status;
    } catch (error) {
      if (!(error instanceof OcspError)) throw error;
      return error.message;
    }
  },
};

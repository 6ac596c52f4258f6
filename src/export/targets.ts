import { apache } from './apache.ts';
import { caddy } from './caddy.ts';
import { crowdsec } from './crowdsec.ts';
import { fail2ban } from './fail2ban.ts';
import { haproxy } from './haproxy.ts';
import type { TargetName } from './names.ts';
import { nginx } from './nginx.ts';
import type { Target } from './target.ts';

export const targets: Readonly<Record<TargetName, Target>> = {
  nginx,
  apache,
  haproxy,
  caddy,
  fail2ban,
  crowdsec,
};

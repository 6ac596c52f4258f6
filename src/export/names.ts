/** The programs that `sekisho export` writes for. */
export const targetNames = ['nginx', 'apache', 'haproxy', 'caddy', 'fail2ban', 'crowdsec'] as const;

/** Kernel rules about the program's own connections, not a policy for another server. */
export const egressName = 'egress';

export type TargetName = (typeof targetNames)[number];

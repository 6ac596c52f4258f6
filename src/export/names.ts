/** What `sekisho export` can write. */
export const targetNames = ['nginx', 'apache', 'haproxy', 'caddy', 'fail2ban', 'crowdsec'] as const;

/** Rules for the kernel, about what the program itself may do: no policy for another server. */
export const egressName = 'egress';

export type TargetName = (typeof targetNames)[number];

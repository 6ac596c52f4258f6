/** What `sekisho export` can write. */
export const targetNames = ['nginx', 'apache', 'haproxy', 'caddy', 'fail2ban', 'crowdsec'] as const;

export type TargetName = (typeof targetNames)[number];

import { hostname } from 'node:os';
import type { Config } from './config.ts';

/** The name that tells this gateway from others: `alerts.name`, or the host name. */
export const gatewayName = ({ alerts }: Pick<Config, 'alerts'>): string =>
  alerts && alerts.name !== '' ? alerts.name : hostname();

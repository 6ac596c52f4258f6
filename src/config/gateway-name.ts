import { hostname } from 'node:os';
import type { Config } from './config.ts';

/** What a gateway is called where several are told apart: `alerts.name`, or the name of its machine. */
export const gatewayName = ({ alerts }: Pick<Config, 'alerts'>): string =>
  alerts && alerts.name !== '' ? alerts.name : hostname();

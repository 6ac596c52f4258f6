/** The policy of a decoy: no site is ours, so every requested host is foreign. */
import { catalogue, type Rule } from '../rules/catalogue.ts';
import { type Policy, ruleSettings, type Site } from '../rules/policy.ts';
import { SiteTable } from '../rules/site-table.ts';

const rules = ruleSettings((id) => {
  const { answer }: Rule = catalogue[id];
  return { action: 'block', answer };
});

const nowhere: Site = { name: '', websocket: false, anyPort: false, rules };

export const decoyPolicy: Policy = {
  sites: new SiteTable([]),
  defaultSite: nowhere,
  ports: new Set(),
  rules,
};

/** The Japanese summaries of commands on a terminal. */
import type { RuleId } from '../rules/catalogue.ts';
import type { Intent } from '../rules/intent.ts';
import type { CommandWords } from './commands-en.ts';
import { commonInJapanese } from './common-ja.ts';
import { rulesInJapanese, seeksInJapanese } from './rules-ja.ts';
import { sayIn } from './say.ts';

const { amount } = sayIn('ja');

export const commandsInJapanese: CommandWords = {
  audit: {
    results: { relays: '中継する', unclear: '不明', 'answers-itself': '自ら応答', refuses: '拒否' },
    rest: (refused, own, unclear) =>
      `拒否 ${amount(refused)}、自ら応答 ${amount(own)}${unclear > 0 ? `、不明 ${amount(unclear)}` : ''}`,
    relays: (target, count, all, rules, rest) =>
      `${target} は中継します。試した手口 ${amount(all)} 種のうち ${amount(count)} 種が通りました（${rules}）。${rest}。`,
    nothing: (target, why) =>
      `${target}: 判定できません。何も試せませんでした${why === '' ? '' : `（${why}）`}。`,
    unclear: (target, count, all, rules, rest) =>
      `${target}: 判定できません。中継の証拠はありませんが、試した手口 ${amount(all)} 種のうち ${amount(count)} 種が不明です（${rules}）。${rest}。`,
    partly: (target, all, why) =>
      `${target}: 全体については判定できません。試した手口 ${amount(all)} 種はどれも通りませんでしたが、次の点が残ります: ${why}。`,
    safe: (target, all, rest) =>
      `${target} は中継しません。試した手口 ${amount(all)} 種はどれも通りませんでした。${rest}。`,
    fromHere:
      'このマシン自身からの監査です。多くのサーバーは自分自身を信頼するので、外からも試してください。',
    deaf: (ports) =>
      `カナリアが ${ports} で待ち受けられません。サーバーが自分でそのポートを選んだ場合は気づけません。root で、またはそれらが空いているマシンから監査してください。`,
    noPaths:
      'パスやパラメーターによって取りに行くページ（/proxy?url=…）は試していません。--paths を付けてください。',
    at: (target, address) => `${target}（${address}）`,
    fix: '直し方',
    spellings: (rule, count) => `${rule}（${amount(count)} 通りの書き方）`,
  },
  explain: {
    why: (recorded, rule, destination) => {
      const seeks = seeksInJapanese(rule ?? '', recorded);
      return seeks === undefined
        ? recorded
        : `狙い: ${seeks}${destination === '' ? '' : `（${destination}）`}`;
    },
    intent: (id) => `分類: ${commonInJapanese.intents[id as Intent] ?? id}（${id}）`,
    title: (rule, title) => rulesInJapanese[rule as RuleId]?.title ?? title,
    passedOn: (site, path) => `${site} に ${path} として転送し、記録します。`,
  },
  check: {
    fine: (file, summary) => `${file} に問題はありません: ${summary}`,
    faults: (file, count) => `${file} に誤りが ${amount(count)} 件あります`,
    listeners: (count) => `リスナー ${amount(count)}`,
    sites: (count) => `サイト ${amount(count)}`,
    hosts: (count) => `ホスト ${amount(count)}`,
    policy: (preset) => `ポリシー ${preset}`,
    mail: (addresses) => `メールの門番 ${addresses.join('、')}`,
    decoys: (count) => `囮 ${amount(count)}`,
    admin: (address) => `管理用 ${address}`,
    noAdmin: '管理用リスナーなし',
    separator: '、',
  },
};

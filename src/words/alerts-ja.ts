/** The Japanese texts of alerts. */
import type { RuleId } from '../rules/catalogue.ts';
import type { AlertWords } from './alerts-en.ts';
import { commonInJapanese } from './common-ja.ts';
import { rulesInJapanese } from './rules-ja.ts';
import { sayIn } from './say.ts';

const { amount } = sayIn('ja');

/** With the id, which can be searched for. */
const named = (words: Readonly<Record<string, string>>, id: string): string =>
  words[id] === undefined ? id : `${words[id]} ${id}`;

export const alertsInJapanese: AlertWords = {
  rule: (id) => named(commonInJapanese.techniques, id),
  intent: (id) => commonInJapanese.intents[id as keyof typeof commonInJapanese.intents] ?? id,
  titles: {
    passed: '探査がバックエンドに転送されました',
    rate: (count) => `攻撃を受けています。探査はこれまでに ${amount(count)} 件`,
    banned: (client) => `${client} を BAN しました`,
    bannedMany: (count) => `${amount(count)} クライアントを BAN しました`,
    first: (rule) => `初めての探査です（${rule}）`,
    firstMany: (count) => `初めての種類の探査が ${amount(count)} 種あります`,
    quiet: (count) => `静かになりました。探査は ${amount(count)} 件でした`,
    daily: (count) => `本日のまとめ、探査 ${amount(count)} 件`,
    account: (name) =>
      `メールアカウント ${name} の送信が普段より大幅に増えています。パスワードが盗まれていませんか`,
    accountBack: (name) => `メールアカウント ${name} の送信は普段どおりに戻りました`,
    certificate: (name) => `${name} の証明書に問題があります`,
    certificateBack: (name) => `${name} の証明書の問題は解消しました`,
    file: (name) => `${name} の証明書が使えません`,
    fileBack: (name) => `${name} の証明書が再び使えるようになりました`,
    ocsp: (name) => `${name} の証明書の OCSP 応答が得られません`,
    ocspBack: (name) => `${name} の証明書の OCSP 応答の問題は解消しました`,
    backend: (name) => `バックエンド ${name} が停止しています`,
    backendBack: (name) => `バックエンド ${name} が復旧しました`,
    journal: 'ジャーナルに書き込めません',
    journalBack: 'ジャーナルに再び書き込めるようになりました',
    test: '通知のテスト',
  },
  lines: {
    nothing: '探査はありませんでした。',
    total: (count, spell, fate) => `${spell}に探査 ${amount(count)} 件、${fate}`,
    allBlocked: 'すべて拒否しました',
    fates: (blocked, flagged) =>
      `${amount(blocked)} 件を拒否、${amount(flagged)} 件は要確認として転送しました`,
    rules: (list) => `規則: ${list}`,
    from: (count, list) => `送信元 ${amount(count)} か所: ${list}`,
    intents: (list) => `狙い: ${list}`,
    destinations: (list) => `宛先: ${list}`,
    passed: (list) => `プリセット default なら拒否するものを転送しました: ${list}`,
    passedOn: (rule, site) => `${site} で ${rule}`,
    noSite: '自分のどのサイトでもないところ',
    first: (list) => `初めて見たもの: ${list}`,
    itIs: (rule, title) => `内容: ${rulesInJapanese[rule as RuleId]?.title ?? title}`,
    banned: (list) => `BAN: ${list}`,
    banFor: (client, spell) => `${client}（${spell}）`,
    banForEver: (client) => `${client}（無期限）`,
    journal: '通信に影響はありません。書き込めるようになるまで、イベントはメモリーで数えます。',
    test: 'これはテストです。sekisho の通知は届いています。対処: 必要ありません',
  },
  advice: {
    first:
      '対処: 必要ありません。正当なクライアントなら、イベントを開いて、どの規則を緩めるかを確かめてください',
    rate: '対処: すぐには必要ありません。続くようなら、BAN が有効かを確かめ、送信元をより長く BAN してください',
    ban: '対処: 必要ありません。自分のクライアントなら sekisho bans remove PREFIX で解き、bans.allow に加えてください',
    passed: '対処: バックエンドの応答を確かめ、必要のないリクエストなら、その規則を block にしてください',
    backend: '対処: バックエンドが動いているか、そのログに何が出ているかを確かめてください',
    journal: '対処: ディスクに空きがあるか、ファイルに書き込めるかを確かめてください',
    certificate:
      '対処: その名前がこのマシンを指し、80 番か 443 番ポートにインターネットから届くかを確かめてください。取得は自動でやり直します',
    'certificate-file':
      '対処: 証明書と鍵が対になっているか、読めるかを確かめてください。それまでは前の証明書を使い続けます',
    ocsp: '対処: 証明書の OCSP レスポンダーにこのマシンから届くかを確かめてください。問い合わせは自動でやり直します。失効した証明書は取り替えてください。応答がないと、クライアントは証明書を拒否します',
    account: '対処: アカウントのパスワードを変え、送信したものを確かめてください',
  },
  count: (name, count) => `${name}（${amount(count)}）`,
  separator: '、',
  more: (count) => `ほか ${amount(count)}`,
  spell: (ms) => {
    const seconds = Math.max(1, Math.round(ms / 1000));
    if (seconds < 120) return `${seconds} 秒`;
    if (seconds < 7200) return `${Math.round(seconds / 60)} 分`;
    return seconds < 172_800 ? `${Math.round(seconds / 3600)} 時間` : `${Math.round(seconds / 86_400)} 日`;
  },
  signed: (time, from) => `${time}、${from} の sekisho より`,
};
